"""Old TLS against a real server, by a client that is no OpenSSL.

Usage: suite.py PROGRAM, where PROGRAM was built with `--features legacy-tls`. Needs tlslite-ng,
which still speaks SSL 3.0, RC4 and triple DES (requirements.txt). `.ci/run` sees to both.

Each test starts from what a client of the time does: a handshake of its generation, then the
whole sign-in over it.
"""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from tlslite.api import HandshakeSettings, TLSConnection

PROGRAM = os.path.abspath(sys.argv.pop(1))
ADDRESS, PASSWORD = "smoke@example.com", "correct-horse"
DEADLINE = 30

SSL3, TLS1, TLS11, TLS12 = (3, 0), (3, 1), (3, 2), (3, 3)

RST = """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:wsse="http://schemas.xmlsoap.org/ws/2003/06/secext"
 xmlns:wst="http://schemas.xmlsoap.org/ws/2004/04/trust"
 xmlns:wsp="http://schemas.xmlsoap.org/ws/2002/12/policy"
 xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/03/addressing"
 xmlns:ps="http://schemas.microsoft.com/Passport/SoapServices/PPCRL">
<Header><ps:AuthInfo Id="PPAuthInfo"><ps:HostingApp>{{7108E71A-9926-4FCB-BCC9-9A9D3F32E423}}
</ps:HostingApp><ps:BinaryVersion>4</ps:BinaryVersion><ps:UIVersion>1</ps:UIVersion>
<ps:Cookies/><ps:RequestParams>AQAAAAIAAABsYwQAAAAxMDMz</ps:RequestParams></ps:AuthInfo>
<wsse:Security><wsse:UsernameToken Id="user"><wsse:Username>{0}</wsse:Username>
<wsse:Password>{1}</wsse:Password></wsse:UsernameToken></wsse:Security></Header>
<Body><ps:RequestMultipleSecurityTokens Id="RSTS"><wst:RequestSecurityToken Id="RST0">
<wst:RequestType>http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue</wst:RequestType>
<wsp:AppliesTo><wsa:EndpointReference><wsa:Address>http://Passport.NET/tb</wsa:Address>
</wsa:EndpointReference></wsp:AppliesTo></wst:RequestSecurityToken>
<wst:RequestSecurityToken Id="RST1">
<wst:RequestType>http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue</wst:RequestType>
<wsp:AppliesTo><wsa:EndpointReference><wsa:Address>messenger.msn.com</wsa:Address>
</wsa:EndpointReference></wsp:AppliesTo><wsse:PolicyReference URI="?lc=1033"/>
</wst:RequestSecurityToken></ps:RequestMultipleSecurityTokens></Body></Envelope>"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, wish):
    """Waits for something to come true, and answers it."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        found = wish()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} does not come true")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Server:
    """A server of its own in a folder, with certificates that it made itself."""

    def __init__(self, more=""):
        self.folder = tempfile.TemporaryDirectory()
        path = self.folder.name
        self.tls, self.http, self.ops, msnp = (free_port() for _ in range(4))
        with open(f"{path}/config.toml", "w") as config:
            config.write(
                f'[listen]\nmsnp = "127.0.0.1:{msnp}"\nhttp = "127.0.0.1:{self.http}"\n'
                f'ops = "127.0.0.1:{self.ops}"\n'
                "[auth]\nargon2_memory_kib = 64\nargon2_iterations = 1\n"
                f'[legacy_tls]\nlisten = "127.0.0.1:{self.tls}"\n'
                'certificate = "certificates/server-sha1.pem"\n'
                'key = "certificates/server.key"\nca = "certificates/ca-sha1.cer"\n' + more
            )
        self.told = self.run("cert", "make-ca", "--host", "msn.example.org")
        self.run("user", "add", ADDRESS, "--password-stdin", input=PASSWORD + "\n")
        self.log = open(f"{path}/server.log", "w+")
        self.process = subprocess.Popen(
            [PROGRAM, "serve"], cwd=path, stdout=self.log, stderr=self.log
        )
        until("a child", self.child)
        until("the first handshake", self.is_reachable)

    def run(self, *arguments, input="", may_fail=False):
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder.name,
            input=input,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert may_fail or done.returncode == 0, done.stderr
        return done.stdout if done.returncode == 0 else done.stderr

    def child(self):
        """The process that speaks old TLS."""
        number = self.process.pid
        found = []
        for task in os.listdir(f"/proc/{number}/task"):
            with open(f"/proc/{number}/task/{task}/children") as children:
                found += children.read().split()
        return int(found[0]) if found else None

    def is_reachable(self):
        try:
            connect(self, TLS1, "aes128").close()
            return True
        except Exception:
            return False

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ops}/metrics") as answer:
            return answer.read().decode()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(DEADLINE)
        self.log.close()
        self.folder.cleanup()


def connect(server, version, cipher, mac="sha"):
    """A handshake of one version and one cipher, over plain RSA."""
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = version
    settings.cipherNames = [cipher]
    settings.macNames = [mac]
    settings.keyExchangeNames = ["rsa"]
    plain = socket.create_connection(("127.0.0.1", server.tls), timeout=10)
    connection = TLSConnection(plain)
    connection.ignoreAbruptClose = True
    try:
        connection.handshakeClientCert(settings=settings)
    except BaseException:
        plain.close()
        raise
    return connection


def connect_modern(server, version):
    """A handshake of today, which trusts the root that was made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with open(f"{server.folder.name}/certificates/ca-sha1.cer", "rb") as root:
        context.load_verify_locations(cadata=root.read())
    plain = socket.create_connection(("127.0.0.1", server.tls), timeout=10)
    return context.wrap_socket(plain, server_hostname="nexus.passport.com")


def exchange(connection, request):
    """Sends a request that ends the connection, and reads the answer."""
    connection.sendall(request.encode())
    answer = b""
    while True:
        piece = connection.recv(4096)
        if not piece:
            break
        answer += piece
    connection.close()
    return answer.decode()


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.0", "Host: nexus.passport.com", *headers, "", ""])


def post(path, body, kind="text/xml"):
    return (
        f"POST {path} HTTP/1.0\r\nHost: login.live.com\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


class Case(unittest.TestCase):
    settings = ""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.settings)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def sign_in(self, connect):
        """Nexus, login and token service, each over a connection of its own."""
        nexus = exchange(connect(), get("/rdr/pprdr.asp"))
        login = re.search(r"PassportURLs: DALogin=[^/]+(/[^,]+),", nexus)
        self.assertTrue(login, nexus)
        ticket = exchange(
            connect(),
            get(
                login[1],
                "Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,"
                f"sign-in={ADDRESS.replace('@', '%40')},pwd={PASSWORD},lc=1033,id=507,tw=40",
            ),
        )
        self.assertIn("da-status=success", ticket)
        self.assertIn("from-PP='", ticket)
        tokens = exchange(connect(), post("/RST.srf", RST.format(ADDRESS, PASSWORD)))
        self.assertIn("BinarySecurityToken", tokens)

    def counted(self, protocol, cipher):
        series = (
            f'chrysalis_tls_handshakes_total{{listener="legacy",protocol="{protocol}",'
            f'cipher="{cipher}"}}'
        )
        until(series, lambda: series in self.server.metrics())


class OldTls(Case):
    def test_windows_xp_speaks_triple_des(self):
        self.sign_in(lambda: connect(self.server, TLS1, "3des"))
        self.counted("TLSv1", "DES-CBC3-SHA")

    def test_windows_vista_speaks_aes(self):
        self.sign_in(lambda: connect(self.server, TLS1, "aes128"))
        self.counted("TLSv1", "AES128-SHA")
        self.sign_in(lambda: connect(self.server, TLS11, "aes256"))
        self.counted("TLSv1.1", "AES256-SHA")

    def test_newer_versions_are_spoken_here_too(self):
        self.sign_in(lambda: connect_modern(self.server, ssl.TLSVersion.TLSv1_2))
        self.sign_in(lambda: connect_modern(self.server, ssl.TLSVersion.TLSv1_3))
        self.counted("TLSv1.3", "TLS_AES_256_GCM_SHA384")

    def test_what_is_broken_is_refused_unless_asked_for(self):
        for version, cipher, mac in [(SSL3, "3des", "sha"), (TLS1, "rc4", "sha")]:
            with self.assertRaises(Exception):
                connect(self.server, version, cipher, mac)
        until("a failure", lambda: 'listener="legacy",reason="failed"' in self.server.metrics())

    def test_only_what_clients_need_is_here(self):
        ask = lambda request: exchange(connect(self.server, TLS1, "aes128"), request)
        for path in ["/", "/register", "/sign-in", "/account", "/admin", "/connect/ca.cer"]:
            answer = ask(get(path))
            self.assertTrue(answer.startswith("HTTP/1.0 404"), f"{path}: {answer}")
        for path in ["/register", "/sign-in", "/sign-out"]:
            answer = ask(post(path, "a=b", "application/x-www-form-urlencoded"))
            self.assertTrue(answer.startswith("HTTP/1.0 404"), f"{path}: {answer}")
        # Services are: without a token they refuse, with a fault.
        self.assertIn("Fault", ask(post("/abservice/abservice.asmx", "<a/>")))
        self.assertIn("MsgrConfig", ask(get("/Config/MsgrConfig.asmx?op=GetClientConfig")))
        # The same paths answer where pages belong, and the root is offered there.
        base = f"http://127.0.0.1:{self.server.http}"
        self.assertEqual(urllib.request.urlopen(f"{base}/register").status, 200)
        root = urllib.request.urlopen(f"{base}/connect/ca.cer")
        self.assertEqual(root.headers["Content-Type"], "application/x-x509-ca-cert")
        self.assertTrue(root.read().startswith(b"\x30\x82"))

    def test_the_child_has_no_file_open_and_no_secret_at_hand(self):
        child = self.server.child()
        handles = f"/proc/{child}/fd"
        for handle in os.listdir(handles):
            target = os.readlink(f"{handles}/{handle}")
            self.assertNotIn("chrysalis.db", target)
            if handle not in "2":
                self.assertRegex(target, r"^(socket|pipe|anon_inode):", handle)
        with open(f"/proc/{child}/environ") as environment:
            self.assertEqual(environment.read(), "")
        with open(f"/proc/{child}/limits") as limits:
            self.assertRegex(limits.read(), r"Max core file size +0 +0 ")

    def test_the_child_is_started_again(self):
        first = self.server.child()
        os.kill(first, signal.SIGKILL)
        second = until("another child", lambda: self.server.child() not in (first, None))
        self.assertTrue(second)
        self.sign_in(lambda: connect(self.server, TLS1, "aes128"))
        self.assertIn("chrysalis_legacy_tls_restarts_total 1", self.server.metrics())

    def test_keys_are_for_their_owner_and_nothing_is_overwritten(self):
        folder = f"{self.server.folder.name}/certificates"
        for name in ["ca.key", "server.key"]:
            self.assertEqual(os.stat(f"{folder}/{name}").st_mode & 0o777, 0o600, name)
        self.assertIn("Trusted Root", self.server.told)
        refused = self.server.run("cert", "make-ca", may_fail=True)
        self.assertIn("is there already", refused)


class BrokenTls(Case):
    settings = "sslv3 = true\n"

    def test_windows_98_speaks_ssl_3_and_rc4(self):
        self.sign_in(lambda: connect(self.server, SSL3, "rc4"))
        self.counted("SSLv3", "RC4-SHA")
        self.sign_in(lambda: connect(self.server, SSL3, "rc4", "md5"))
        self.counted("SSLv3", "RC4-MD5")
        self.sign_in(lambda: connect(self.server, SSL3, "3des"))

    def test_better_ones_are_preferred_still(self):
        self.sign_in(lambda: connect_modern(self.server, ssl.TLSVersion.TLSv1_3))


class Limits(Case):
    settings = "[limits]\nhandshakes_per_minute = 5\n"

    def test_a_network_gets_so_many_handshakes(self):
        good = 0
        for _ in range(12):
            try:
                connect(self.server, TLS1, "aes128").close()
                good += 1
            except Exception:
                pass
        self.assertLessEqual(good, 5)
        until(
            "a refusal",
            lambda: 'listener="legacy",reason="throttled"' in self.server.metrics(),
        )


class Ends(unittest.TestCase):
    def test_the_child_ends_with_the_server(self):
        for number in [signal.SIGTERM, signal.SIGKILL]:
            server = Server()
            child = server.child()
            server.process.send_signal(number)
            server.process.wait(DEADLINE)
            until("the end of the child", lambda: not is_alive(child))
            server.close()

    def test_a_wrong_key_is_named(self):
        server = Server()
        folder = f"{server.folder.name}/certificates"
        os.replace(f"{folder}/ca.key", f"{folder}/server.key")
        problem = server.run("check-config", may_fail=True)
        self.assertIn("legacy_tls.certificate", problem)
        self.assertIn("server.key", problem)
        # The one that runs has the old pair, and keeps it.
        time.sleep(4)
        connect(server, TLS1, "aes128").close()
        server.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
