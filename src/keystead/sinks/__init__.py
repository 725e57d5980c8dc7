"""Where every record of the trail also goes: files, syslog, webhooks, OpenTelemetry. The log itself is their queue."""
