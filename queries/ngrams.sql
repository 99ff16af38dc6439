-- Which sequences of system calls requests are made of: the most frequent n-grams of calls.
--
-- Calls of one thread within one request, in the order of their entries; a sequence never continues from one request or
-- thread into another. share is the percentage of all n-grams. requests counts the requests that have the n-gram. Only
-- complete requests count, unless $incomplete is true.
--
-- $n = 3 | 2  length of the sequences
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
-- $limit = 20  at most so many n-grams
--
WITH grams AS (
  SELECT unnest(element_counts(ngrams(elements_where(name, phase, 'entry'), elements_where(tid, phase, 'entry'), $n))) AS gram
  FROM request_lists
  WHERE complete OR $incomplete
)
SELECT
  gram['element'] AS gram,
  sum(gram['times']) AS times,
  round(100.0 * sum(gram['times']) / sum(sum(gram['times'])) OVER (), 2) AS share,
  count(*) AS requests
FROM grams
GROUP BY gram['element']
ORDER BY times DESC, gram
LIMIT $limit;
