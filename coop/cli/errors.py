"""What the command line refuses by itself, before any service is asked.

Refusal
└── CommandRefused
    ├── CooperativeUnknown   COOPERATIVE_UNKNOWN: no cooperative of that slug here
    ├── CooperativeUnnamed   COOPERATIVE_UNNAMED: there are several, and none was named
    ├── JournalFileInvalid   JOURNAL_FILE_INVALID: a file that `coop post` cannot read
    ├── BackupInvalid        BACKUP_INVALID: not a backup of this program, or a damaged one
    ├── DataDirectoryInUse   DATA_DIRECTORY_IN_USE: restoring needs an empty data directory
    ├── DatabaseOutdated     DATABASE_OUTDATED: `coop database upgrade` comes first
    ├── DatabaseUnreachable  DATABASE_UNREACHABLE: nothing answers there, or it does not start
    ├── AddressUnavailable   ADDRESS_UNAVAILABLE: somebody else listens there, or it is not ours
    └── EmbeddedOnly         EMBEDDED_ONLY: your own server has tools of its own for that
"""

from __future__ import annotations

from coop.kernel.errors import Refusal


class CommandRefused(Refusal):
    """A command that cannot be carried out as it was given."""

    code = "COMMAND_REFUSED"


class CooperativeUnknown(CommandRefused):
    """No cooperative of that slug is here."""

    code = "COOPERATIVE_UNKNOWN"


class CooperativeUnnamed(CommandRefused):
    """There are several cooperatives and none was named."""

    code = "COOPERATIVE_UNNAMED"


class JournalFileInvalid(CommandRefused):
    """A journal file that is not what docs/commands.md describes."""

    code = "JOURNAL_FILE_INVALID"


class BackupInvalid(CommandRefused):
    """Not a backup of this program, or one that was damaged."""

    code = "BACKUP_INVALID"


class DataDirectoryInUse(CommandRefused):
    """Restoring never overwrites: the data directory has to be empty."""

    code = "DATA_DIRECTORY_IN_USE"


class DatabaseOutdated(CommandRefused):
    """A server of one's own is upgraded when asked, not by use."""

    code = "DATABASE_OUTDATED"


class DatabaseUnreachable(CommandRefused):
    """Nothing answers at COOP_DATABASE_URL or lets us in, or the embedded one does not start."""

    code = "DATABASE_UNREACHABLE"


class AddressUnavailable(CommandRefused):
    """Another program listens on that port, or the host is not this machine's."""

    code = "ADDRESS_UNAVAILABLE"


class EmbeddedOnly(CommandRefused):
    """A server of one's own is backed up with its own tools."""

    code = "EMBEDDED_ONLY"
