"""A client of QIKI on NATS in Python's standard library alone: it speaks the NATS text protocol over a socket.

    python3 examples/client.py
    NATS_URL=nats://localhost:4222 NATS_TOKEN=... python3 examples/client.py 12

It reads telemetry, sends one command, waits for its answer and then for its effect. The argument is the limit of the NBL in
watts, 7 without one.
"""

import json
import os
import socket
import sys
import urllib.parse
import uuid

TIMEOUT_S = 10


class Nats:
    """As much of the protocol as a client needs: CONNECT, SUB, PUB, MSG, HMSG, PING."""

    def __init__(self, url: str, token: str | None) -> None:
        address = urllib.parse.urlparse(url)
        self.socket = socket.create_connection((address.hostname, address.port or 4222), timeout=TIMEOUT_S)
        self.file = self.socket.makefile("rb")
        info = self.file.readline()
        if not info.startswith(b"INFO "):
            raise ConnectionError(f"{url} is no NATS server: it said {info!r}")
        options = {"verbose": False, "pedantic": False, "headers": True, "lang": "python", "version": "1", "name": "example-py"}
        if token is not None:
            options["auth_token"] = token
        self.send(f"CONNECT {json.dumps(options)}\r\n")

    def send(self, line: str, payload: bytes = b"") -> None:
        self.socket.sendall(line.encode() + payload)

    def subscribe(self, subject: str, sid: int) -> None:
        self.send(f"SUB {subject} {sid}\r\n")

    def publish(self, subject: str, message: object) -> None:
        payload = json.dumps(message).encode()
        self.send(f"PUB {subject} {len(payload)}\r\n", payload + b"\r\n")

    def messages(self):
        """Subject and parsed body of each message, for ever."""
        while line := self.file.readline():
            words = line.decode().split()
            match words[:1]:
                case ["PING"]:
                    self.send("PONG\r\n")
                case ["-ERR"]:
                    raise ConnectionError(line.decode().strip())
                case ["MSG"]:
                    yield words[1], json.loads(self.read(int(words[-1])))
                case ["HMSG"]:
                    # The first number is the length of the headers, the second of headers and body together.
                    head, total = int(words[-2]), int(words[-1])
                    yield words[1], json.loads(self.read(total)[head:])
        raise ConnectionError("the server has closed the connection")

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.file.read(2)
        return data


def main() -> int:
    watts = float(sys.argv[1]) if len(sys.argv) > 1 else 7.0
    nats = Nats(os.environ.get("NATS_URL", "nats://localhost:4222"), os.environ.get("NATS_TOKEN"))
    # Subscribed before the command goes out, so that no answer can be missed.
    nats.subscribe("qiki.telemetry", 1)
    nats.subscribe("qiki.responses.control", 2)
    messages = nats.messages()

    def first(subject: str, passes) -> dict:
        return next(body for heard, body in messages if heard == subject and passes(body))

    before = first("qiki.telemetry", lambda body: True)
    limit = before["power_detail"]["nbl_max_w"]
    print(f"tick {before['tick']}: battery {before['power']['soc_pct']:.1f} %, limit {limit:g} W")

    request_id = str(uuid.uuid4())
    nats.publish(
        "qiki.commands.control",
        {
            "command_name": "power.nbl.set_max",
            "parameters": {"max_power_w": watts},
            # The same message_id sent again is answered again and not applied twice.
            "metadata": {"message_id": request_id, "correlation_id": request_id, "source": "example-py"},
        },
    )
    ack = first("qiki.responses.control", lambda body: body["request_id"] == request_id)
    if not ack["ok"]:
        print(f"refused, {ack['error_detail']['code']}: {ack['error_detail']['message']}", file=sys.stderr)
        return 1
    print(f"applied at tick {ack['tick']}")

    # An answer is not an effect: that is what telemetry shows.
    after = first("qiki.telemetry", lambda body: body["power_detail"]["nbl_max_w"] == watts)
    print(f"tick {after['tick']}: limit {after['power_detail']['nbl_max_w']:g} W, NBL {after['power']['nbl_power_w']:.1f} W")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TimeoutError:
        print("nothing came within ten seconds: is QIKI running on this server?", file=sys.stderr)
        sys.exit(3)
    except OSError as problem:
        print(f"no connection: {problem}", file=sys.stderr)
        sys.exit(3)
