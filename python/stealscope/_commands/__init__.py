"""What does each command of ``python -m stealscope`` do? A module a command: `add` says what it takes, the rest does it.

Invariant: importing one loads nothing that its arguments do not need. `arguments` holds what commands share of those, `screen`
how text comes to a terminal, `workload_text` what WORKLOAD may be.
"""
