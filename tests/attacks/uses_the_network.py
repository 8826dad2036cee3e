"""Connects to this machine, to the outside, to a name server, to sockets of the system, and listens
to be connected to. The jail has a network of its own, with nobody else in it.
"""

TOP = """
import socket
for where in (("127.0.0.1", 22), ("127.0.0.1", 8888), ("10.0.0.1", 80), ("1.1.1.1", 53),
              ("169.254.169.254", 80), ("::1", 80)):
    try:
        socket.create_connection(where, 1).close()
        print(where, "CONNECTED")
    except OSError as error:
        print(where, "refused:", error.strerror)
try:
    print("NAME", socket.gethostbyname("example.com"))
except OSError as error:
    print("name refused:", error)
for path in ("/run/docker.sock", "/var/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0",
             "\\0/tmp/.X11-unix/X0", "\\0/org/freedesktop/systemd1/notify"):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        print(path, "CONNECTED")
    except OSError as error:
        print("refused:", error.strerror)
"""
BLANK = ["gru_step"]
SHOWS = r"'1.1.1.1', 53\) refused: Network is unreachable"
ABSENT = r"\) CONNECTED|NAME \d"
