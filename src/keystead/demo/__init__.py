"""The main job, done before your eyes by the unmodified AWS CLI and boto3. A client: it imports nothing of the server."""
