"""Errors a user can mend."""


class UserError(Exception):
    """Bad input: says what is wrong, the value received and how to fix it.

    The command line prints the message without a traceback and exits with code 2.
    """
