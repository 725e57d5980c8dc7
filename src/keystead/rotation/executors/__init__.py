"""Who performs the steps of a rotation that Keystead's own functions do not: functions written for Lambda, and HTTP."""
