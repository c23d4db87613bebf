"""terminal.py: a terminal for a program to write on."""

import fcntl
import pty
import struct
import termios


class Terminal:
    """A pseudo-terminal of a given width that changes no byte on its way (no CR-LF)."""

    def __init__(self, columns=80, rows=24):
        self.columns, self.rows = columns, rows

    def open(self):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        settings = termios.tcgetattr(slave)
        settings[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        return master, slave
