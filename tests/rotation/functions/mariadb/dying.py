"""The function beside this file, which kills itself with SIGKILL at one of its writes: DIE is its name, and before or after it."""

import os
import signal

import botocore.client
import lambda_function
import pymysql


def die(write, when):
    if os.environ["DIE"] == f"{write} {when}":
        os.kill(os.getpid(), signal.SIGKILL)


def deadly(function, name_of):
    def perform(self, what, *rest, **named):
        die(name_of(what), "before")
        done = function(self, what, *rest, **named)
        die(name_of(what), "after")
        return done

    return perform


def lambda_handler(event, context):
    client, cursor = botocore.client.BaseClient, pymysql.cursors.Cursor
    client._make_api_call = deadly(client._make_api_call, lambda operation: operation)
    cursor.execute = deadly(cursor.execute, lambda statement: " ".join(statement.split()[:2]))
    lambda_function.lambda_handler(event, context)
