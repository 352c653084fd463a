"""What the server knows by heart: names, policy and verdicts, without files, programs or a clock."""
