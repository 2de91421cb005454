"""Why something does not become ready, in a sentence, with what helps.

- `trouble`: one, as a value
- `revision`: what keeps a Revision's Pods from serving, from their `containers`, the scheduler and `events`
- `conditions`: what a condition says by itself; `quota`: what its namespace refuses; `advice`: what helps
- `lasting`: how long a trouble may take to mend by itself
- `looking` at Pods and Events while something is waited for; `logs`: the last lines

All but the last two are functions of values. Knows nothing of deploys.
"""
