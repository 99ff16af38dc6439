#!/bin/sh
# Ingests a list of recordings by an array of Slurm tasks, each of which takes its share of the list. All of them append to
# one dataset, on a disk that all nodes share. Submit it again as it is: what is in the dataset is passed over.
#
#   sbatch --array=0-9 slurm.sh LIST DATASET [OPTION OF sysds ingest]...
#
# The tasks must count from 0. What came of each recording is in report-TASK.csv.
#SBATCH --job-name=sysds
#SBATCH --array=0-9
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --output=sysds-%A_%a.log
set -eu

list=$1
dataset=$2
shift 2
tasks=$((SLURM_ARRAY_TASK_MAX + 1))
if [ "$SLURM_ARRAY_TASK_COUNT" -ne "$tasks" ]; then
    echo "$0: the tasks must be 0 to N, all of them: sbatch --array=0-9" >&2
    exit 2
fi
exec srun sysds ingest --list "$list" --output "$dataset" \
    --share "$SLURM_ARRAY_TASK_ID/$tasks" --report "report-$SLURM_ARRAY_TASK_ID.csv" "$@"
