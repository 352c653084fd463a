-- What can be measured, a row for each thing that was: the metrics of docs/reference/metrics.md are sums, shares,
-- medians and percentiles of these. `subject` is the id of a session or of a project, or the number of an audit row;
-- `part` a stage, a rule or an agent. Spans are in seconds, shares are 0 or 1. `day` is the day on which it ended, in
-- UTC; '' where it still goes on. `doubtful` is 1 where the clocks of its clones and the day of the pushes disagree
-- by more than a day about its length.
CREATE VIEW analytics AS

SELECT p.client_id, 'init_seconds' AS metric, p.id AS subject, '' AS part,
  CAST(strftime('%s', min(e.at)) AS BIGINT) - CAST(strftime('%s', p.created_at) AS BIGINT) AS value,
  substr(min(e.at), 1, 10) AS day, 0 AS doubtful
FROM projects p
JOIN sessions s ON s.client_id = p.client_id AND s.project_id = p.id
JOIN events e ON e.client_id = s.client_id AND e.ledger_id = s.id
  AND e.kind = 'stage' AND e.action = 'start' AND e.stage = 'context'
WHERE p.created_at <> ''
GROUP BY p.client_id, p.id, p.created_at

UNION ALL
SELECT e.client_id, 'lead_seconds', e.ledger_id, e.stage,
  CAST(strftime('%s', max(CASE WHEN e.action = 'complete' THEN e.at END)) AS BIGINT)
    - CAST(strftime('%s', min(CASE WHEN e.action = 'start' THEN e.at END)) AS BIGINT),
  substr(max(CASE WHEN e.action = 'complete' THEN e.at END), 1, 10),
  CASE WHEN min(e.seen_at) <> '' AND abs(
    CAST(strftime('%s', max(CASE WHEN e.action = 'complete' THEN e.seen_at END)) AS BIGINT)
      - CAST(strftime('%s', min(CASE WHEN e.action = 'start' THEN e.seen_at END)) AS BIGINT)
      - CAST(strftime('%s', max(CASE WHEN e.action = 'complete' THEN e.at END)) AS BIGINT)
      + CAST(strftime('%s', min(CASE WHEN e.action = 'start' THEN e.at END)) AS BIGINT)) > 86400
    THEN 1 ELSE 0 END
FROM events e
WHERE e.kind = 'stage' AND e.action IN ('start', 'complete')
GROUP BY e.client_id, e.ledger_id, e.stage
HAVING count(DISTINCT e.action) = 2

UNION ALL
SELECT c.client_id, 'feedback_seconds', c.ledger_id, '',
  CAST(strftime('%s', min(e.at)) AS BIGINT) - CAST(strftime('%s', c.at) AS BIGINT), substr(min(e.at), 1, 10), 0
FROM (
  SELECT client_id, ledger_id, min(at) AS at, min(lamport) AS lamport FROM events
  WHERE kind = 'stage' AND action = 'complete' AND stage = 'implementation' GROUP BY client_id, ledger_id
) c
JOIN events e ON e.client_id = c.client_id AND e.ledger_id = c.ledger_id AND e.kind = 'edited'
  AND e.lamport > c.lamport AND e.body LIKE '%"feedback/feedback.md"%'
GROUP BY c.client_id, c.ledger_id, c.at

UNION ALL
SELECT t.client_id, 'reopens', t.session_id, t.stage, t.reopens, substr(t.at, 1, 10), 0
FROM stages t WHERE t.status = 'complete' OR t.reopens > 0

UNION ALL
SELECT t.client_id, 'first_try', t.session_id, t.stage, CASE WHEN t.reopens = 0 THEN 1 ELSE 0 END,
  substr(t.at, 1, 10), 0
FROM stages t WHERE t.status = 'complete' OR t.reopens > 0

UNION ALL
SELECT i.client_id, 'aligned', i.session_id, '',
  CASE WHEN (p.status = 'not_needed' OR (p.status = 'complete' AND p.condition <> 'changed'))
    AND i.causes_json NOT LIKE '%"spec"%'
    AND NOT EXISTS (SELECT 1 FROM findings f WHERE f.client_id = i.client_id AND f.session_id = i.session_id
      AND f.rule = 'IDSE606')
    THEN 1 ELSE 0 END,
  substr(i.at, 1, 10), 0
FROM stages i
JOIN stages p ON p.client_id = i.client_id AND p.session_id = i.session_id AND p.stage = 'spec'
WHERE i.stage = 'implementation' AND i.status = 'complete'

UNION ALL
SELECT s.client_id, 'passing', s.id, '', CASE WHEN s.blocking = 0 AND s.unreadable = '' THEN 1 ELSE 0 END,
  substr(s.updated_at, 1, 10), 0
FROM sessions s WHERE s.status <> 'deleted'

UNION ALL
SELECT s.client_id, 'compliant', s.id, '',
  CASE WHEN s.blocking = 0 AND s.unreadable = '' AND NOT EXISTS (SELECT 1 FROM findings f
    WHERE f.client_id = s.client_id AND f.session_id = s.id AND f.waiver <> '') THEN 1 ELSE 0 END,
  substr(s.updated_at, 1, 10), 0
FROM sessions s WHERE s.status <> 'deleted'

UNION ALL
SELECT s.client_id, 'migrated', s.id, '',
  CASE WHEN EXISTS (SELECT 1 FROM events e WHERE e.client_id = s.client_id AND e.ledger_id = s.id
    AND e.kind = 'migrated') THEN 1 ELSE 0 END,
  substr(s.created_at, 1, 10), 0
FROM sessions s WHERE s.status <> 'deleted'

UNION ALL
SELECT s.client_id, 'documented', s.id, t.stage,
  CASE WHEN t.status = 'complete' AND EXISTS (SELECT 1 FROM artifacts a WHERE a.client_id = t.client_id
    AND a.session_id = t.session_id AND a.stage = t.stage AND a.bytes > 0) THEN 1 ELSE 0 END,
  substr(s.updated_at, 1, 10), 0
FROM sessions s
-- CROSS, as SQLite then reads both in their order.
CROSS JOIN stages t
WHERE t.client_id = s.client_id AND t.session_id = s.id AND s.status <> 'deleted' AND t.status <> 'not_needed'

UNION ALL
SELECT f.client_id, 'gate_failures', f.session_id, f.rule, count(*), substr(s.updated_at, 1, 10), 0
FROM findings f
JOIN sessions s ON s.client_id = f.client_id AND s.id = f.session_id AND s.status <> 'deleted'
WHERE f.blocks = 1
GROUP BY f.client_id, f.session_id, f.rule, s.updated_at

UNION ALL
SELECT f.client_id, 'waived', f.session_id, f.rule, count(*), substr(s.updated_at, 1, 10), 0
FROM findings f
JOIN sessions s ON s.client_id = f.client_id AND s.id = f.session_id AND s.status <> 'deleted'
WHERE f.waiver <> '' AND f.waiver_ignored = ''
GROUP BY f.client_id, f.session_id, f.rule, s.updated_at

UNION ALL
SELECT t.client_id, 'stale', t.session_id, t.stage, 1, substr(t.at, 1, 10), 0
FROM stages t
JOIN sessions s ON s.client_id = t.client_id AND s.id = t.session_id AND s.status <> 'deleted'
WHERE t.status = 'complete' AND t.condition <> 'current'

UNION ALL
SELECT e.client_id, 'completed_by', e.ledger_id, e.agent, count(*), substr(max(e.at), 1, 10), 0
FROM events e WHERE e.kind = 'stage' AND e.action = 'complete' GROUP BY e.client_id, e.ledger_id, e.agent

UNION ALL
SELECT e.client_id, 'edited_by', e.ledger_id, e.agent, count(*), substr(max(e.at), 1, 10), 0
FROM events e WHERE e.kind = 'edited' GROUP BY e.client_id, e.ledger_id, e.agent

UNION ALL
SELECT r.client_id, 'reopened_of', r.ledger_id, c.agent, count(*), substr(max(r.at), 1, 10), 0
FROM events r
JOIN events c ON c.client_id = r.client_id AND c.ledger_id = r.ledger_id AND c.kind = 'stage'
  AND c.action = 'complete' AND c.stage = r.stage AND c.lamport = (
    SELECT max(x.lamport) FROM events x WHERE x.client_id = r.client_id AND x.ledger_id = r.ledger_id
      AND x.kind = 'stage' AND x.action = 'complete' AND x.stage = r.stage AND x.lamport < r.lamport)
WHERE r.kind = 'stage' AND r.action = 'reopen'
GROUP BY r.client_id, r.ledger_id, c.agent

UNION ALL
SELECT a.client_id, 'push', CAST(a.id AS TEXT), a.outcome, CASE WHEN a.outcome = 'failed'
    OR (a.outcome = 'refused' AND a.rule IN ('judge', 'busy', 'audit', 'admin')) THEN 0 ELSE 1 END,
  substr(a.at, 1, 10), 0
FROM audit a
WHERE a.action = 'push'
  AND (a.outcome <> 'refused' OR a.rule IN ('judge', 'busy', 'audit', 'admin'));
