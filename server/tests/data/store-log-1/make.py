"""Made the sample beside this file: a data folder of the log's format 1 and of access.json's format 1, with the last
server that recorded no version in its files (commit 0e18b15).

    git worktree add ../log-1 0e18b15 && cd ../log-1 && cargo build -p mensageiro-server
    python3 make.py ../log-1/target/debug/mensageiro-server

The messages are those of the sample of format 3. The server was open and has one device, one program key and one
invitation. The index is left out, as it is only a copy. `expected.json` is what clients must be told, and the program key.
"""

import importlib.util
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
DATA = HERE / "data"

found = importlib.util.spec_from_file_location("story", HERE.parent / "store-format-3" / "make.py")
story = importlib.util.module_from_spec(found)
found.loader.exec_module(story)
story.DATA = DATA


def command(*arguments):
    run = [sys.argv[1], *arguments, "--data", str(DATA)]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()


def join(server, link):
    """As a device of Ana's."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ana"]
        subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(certificate, key)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port))) as device:
            code = link.rpartition("#")[2]
            device.sendall(f"join {json.dumps({'login': 'ana', 'code': code, 'name': 'Laptop da Ana'})}\n".encode())
            answer = device.recv(1024).decode()
            assert answer.startswith("joined "), answer


def main():
    facts = story.make()
    server = story.Server(DATA)
    join(server, command("invite", "ana", "--host", "localhost"))
    key = command("key", "bruno", "--name", "a script")
    command("invite", "carla", "--host", "localhost", "--valid", "365d")
    server.end()
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "data"
        shutil.copytree(DATA, copy)
        expected = story.ask(copy)
    for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"]:
        (DATA / "store" / name).unlink(missing_ok=True)
    shutil.rmtree(DATA / "tls")
    # Without the space that is reserved behind the last record.
    log = DATA / "store" / "log"
    end = int.from_bytes((log / "acknowledged").read_bytes()[:8], "big")
    with (log / f"{0:020}.log").open("r+b") as segment:
        segment.truncate(4096 + end)
    expected |= facts | {"program_key": key}
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")


main()
