//! Clusters, in a build that has no part for them; tests/cluster/run tries those that have.

use crate::common::*;

#[test]
fn a_build_without_clusters_says_so_and_how_to_make_one_with_them() {
    if cfg!(feature = "cluster") {
        return;
    }
    let asked: [&[&str]; 3] = [
        &["query", "latency", "-d", "nowhere", "--cluster", "df://a"],
        &["query", "--cluster", "df://a", "-e", "SELECT 1"],
        &["cluster", "executor"],
    ];
    for args in asked {
        let done = sysds(args);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(done.stdout.is_empty());
        assert!(
            said.contains("this build of sysds has no part for clusters"),
            "{said}"
        );
        assert!(
            said.contains("cargo build --release --features cluster"),
            "{said}"
        );
    }
}
