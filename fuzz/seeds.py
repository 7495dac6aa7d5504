#!/usr/bin/env python3
"""Writes inputs to begin with: `fuzz/seeds.py FOLDER` makes FOLDER/<target>/*.

They come from what the repository has already: the transcripts, the requests that the reference
prints, and a few lines here. What a target takes its bytes for stands at the head of its source.
"""
import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1])

# The oldest version of the protocol as its first byte of an input; the next ones follow.
VERSION = ord("D")
# The same for the addresses of the web services.
PLACE = ord("H")


def save(target, data):
    folder = OUT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def version(number):
    return bytes([VERSION + number - 2])


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def filled(text):
    """Placeholders that the target knows by other names; the rest as something harmless."""
    text = re.sub(r"\{ticket[^}]*\}", "$T", text)
    text = re.sub(r"\{(ring|call)[^}]*\}", "$K", text)
    text = re.sub(r"\{room[^}]*\}", "$R", text)
    text = re.sub(r"\{(challenge)[^}]*\}", "$Q", text)
    text = text.replace("{caps}", " 0")
    return re.sub(r"\{[a-z][^}]*\}", "1", text)


def transcript(path):
    """What clients say in a transcript, as pairs of a connection and bytes."""
    said = []
    payload = None
    for line in path.read_text().splitlines():
        line = re.sub(r"^\[[^\]]*\] *", "", line)
        command = re.match(r"([A-Z])>(NS|SB)\d*( raw)?: (.*)", line)
        body = re.match(r"\|([>=]?) ?(.*)", line)
        if command:
            person, kind, raw, text = command.groups()
            to = {"NS": 1, "SB": 3}[kind] + (person == "B")
            text = filled(text)
            payload = None
            if raw:
                said.append([to, unescape(text), b""])
            else:
                is_early = re.match(r"(VER|CVR|INF|USR \d+ (MD5|TWN|SSO))\b", text)
                said.append([5 if is_early else to, text.encode() + b"\r\n", b""])
                payload = said[-1]
        elif body and payload:
            mark, text = body.groups()
            if mark == "=":
                payload[2] += unescape(text)
            else:
                payload[2] += filled(text).encode() + (b"" if mark else b"\r\n")
        elif not line.startswith("|"):
            payload = None
    for to, line, payload in said:
        if payload:
            line = re.sub(rb" (\*|\d+)\r\n$", b" %d\r\n" % len(payload), line)
        yield to, line.replace(b" *\r\n", b" 0\r\n") + payload


for path in sorted((ROOT / "tests/transcripts").glob("*.txt")):
    text = path.read_text()
    wanted = re.search(r"^@dialects (\d+)(-(\d+))?", text, re.M)
    newest = int((wanted and (wanted[3] or wanted[1])) or 12)
    script = list(transcript(path))
    joined = b"".join(bytes([to]) + data for to, data in script)
    if len(joined) < 6000:
        save("sessions", version(newest) * 2 + joined)
    for name, role in (("N", (1, 2, 5)), ("O", (3, 4))):
        stream = b"".join(data for to, data in script if to in role)
        if 0 < len(stream) < 3000:
            save("codec", name.encode() + b"\x07" + stream)

PLACES = [
    "sharing", "book", "oim", "rsi", "storage", "activity", "rst", "rst2", "bare", "config",
]


def place(request):
    for name, words in (
        ("activity", "GetContactsRecentActivity"),
        ("sharing", "FindMembership|AddMember|DeleteMember|UpdateMember|CreateCircle|AddService"),
        ("storage", "webservices/storage"),
        ("rsi", "oim/rsi"),
        ("oim", "ws/2004/09/oim"),
        ("rst2", "oasis-open.org/wss/2004/01.*ps:|RST2|2003/05/soap-envelope"),
        ("rst", "RequestSecurityToken"),
        ("config", "GetClientConfig"),
        ("book", "webservices/AddressBook"),
    ):
        if re.search(words, request):
            return PLACES.index(name)
    return None


for chapter in ("11-soap-auth-rst", "12-soap-contacts", "13-soap-oim-storage-config"):
    text = (ROOT / f"docs/protocol/{chapter}.md").read_text()
    for block in re.findall(r"```xml\n(.*?)```", text, re.S):
        # Answers are no requests.
        where = place(block)
        if where is None or re.search(r"<\w*:?\w+Response[ >]|Fault>", block):
            continue
        block = re.sub(r"t=[A-Z]+TOKEN[^<]*", "$T", block)
        block = re.sub(r"\s*\n\s*", "\n", block)
        block = block.replace("bob@example.net", "bob@example.com")
        block = re.sub(r"(?<=Password>)[^<]+", "$P", block)
        if len(block) < 6000:
            save("soap", bytes([PLACE + where]) + block.encode())

BODY = b"MIME-Version: 1.0\r\nContent-Type: %s\r\n%s\r\n"
for number, kind in ((2, b"N"), (9, b"S"), (12, b"W"), (16, b"["), (18, b"_")):
    bodies = [
        BODY % (b"text/plain; charset=UTF-8", b"X-MMS-IM-Format: FN=Arial; EF=; CO=0\r\n") + b"hi",
        BODY % (b"text/x-msmsgscontrol", b"TypingUser: alice@example.com\r\n") + b"\r\n",
        BODY % (b"application/x-msnmsgrp2p", b"P2P-Dest: bob@example.com;{f52973b6-c926-4bad-9ba8-"
                b"7c1e840e4ab0}\r\nP2P-Src: alice@example.com\r\n")
        + bytes(range(1, 49)) + b"INVITE MSNMSGR:bob@example.com MSNSLP/1.0\r\n",
        BODY % (b"text/x-msmsgsinvite; charset=UTF-8", b"") + b"Invitation-Command: INVITE\r\n",
        b"", b"\r\n\r\n", b"\xff\xfe", b"MSG 1 U 3\r\nabc",
    ]
    save("relay", version(number) + kind + b"\0".join(bodies))

for text in (
    "alice@example.com", "A.B+c@EXAMPLE.com;via=x", "a@b@c", "@", "a@" + "b" * 130 + ".c",
    "Alice%20A", "%", "%4", "%00%0D%0A", "\u00e9\u4e2d%F0%9F%98%80", "%C3", "=?utf-8?B?w6k=?=",
    "=?utf-8?Q?=C3=A9?=", "{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}", "MSNP18 MSNP17 CVR0",
    "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=",
    "<a>&amp;\u0001\ufffe]]>", "CHG 9 NLN 268435500 %3Cmsnobj%20/%3E",
):
    for bound in (b"\x03", b"\x40", b"\xff"):
        save("texts", bound + text.encode())
save("texts", b"\xff\xff\xfe\xc3(")

SIGN_IN = "VER 1 MSNP5 CVR0\r\nINF 2\r\nUSR 3 MD5 I alice@example.com\r\n"
for requests in (
    ["Action=open&Server=NS&IP=messenger.hotmail.com\n" + SIGN_IN, "SessionID=$S\nPNG\r\n",
     "Action=poll&SessionID=$S", "Action=poll&Lifespan=1&SessionID=$S", "Action=close&SessionID=$S",
     "SessionID=$S\nPNG\r\n"],
    ["Action=open&Server=SB&IP=x&SessionTimeout=21660&AutoIdleTimeout=960\n"
     "USR 1 alice@example.com 1.2.3\r\n", "Action=poll&SessionID=$S"],
    ["SessionID=&Action=open&Server=NS\nVER 1 MSNP12 CVR0\r\nCVR 2 0x0409 winnt 5.1 i386 MSNMSGR "
     "7.5.0324 msmsgs alice@example.com\r\nUSR 3 TWN I alice@example.com\r\n",
     "SessionID=$S\nUSR 4 TWN S t=1\r\n", "SessionID=$S"],
    ["SessionID=%FF", "Action=dance&SessionID=a", "Action=open&Server=DS", "&&==&"],
    ["Action=open&Server=NS", "SessionID=$S\n", "Action=poll&SessionID=$S\nOUT\r\n",
     "Action=open&Server=NS\nX\r\n", "SessionID=$S\n" + "A" * 400],
):
    save("gateway", "\0".join(requests).encode())

MEMBER, VISITOR = "chrysalis=$W", "chrysalis_guest=$N"
for pages in (
    ["GET /", "GET /status", "GET /connect", "GET /register\n" + VISITOR],
    ["POST /sign-in?to=/account\n" + VISITOR + "\nword=$V&email=alice%40example.com&password=$P",
     "POST /sign-in\n" + VISITOR + "\nword=$V&email=%3Cfuzz%3E&password=x&to=//evil"],
    ["POST /register\n" + VISITOR + "\nword=$V&email=dave%40example.com&name=%3Cfuzz%3E&password="
     "longsecret&again=longsecret&invitation=x"],
    ["GET /account\n" + MEMBER, "GET /account/profile\n" + MEMBER, "GET /account/contacts\n"
     + MEMBER, "GET /account/sessions\n" + MEMBER, "GET /account/password\n" + MEMBER],
    ["POST /account/profile\n" + MEMBER + "\nword=$F&name=%3Cfuzz%3E&message=%3Cfuzz+x",
     "GET /account/profile\n" + MEMBER],
    ["POST /account/password\n" + MEMBER + "\nword=$F&current=$P&password=newsecret&again="
     "newsecret", "POST /account/legacy\n" + MEMBER + "\nword=$F&password=$P&open=on"],
    ["POST /account/contacts\n" + MEMBER + "\nword=$F&address=bob%40example.com&deed=block",
     "POST /account/delete\n" + MEMBER + "\nword=$F&password=wrong", "POST /sign-out\n" + MEMBER
     + "\nword=$F"],
    ["GET /admin\n" + MEMBER, "GET /admin/accounts?q=%3Cfuzz%3E&page=9\n" + MEMBER,
     "GET /connect/msn/%3Cfuzz%3E", "GET /%3Cfuzz%3E?x=%3Cfuzz%3E\na=b; =; chrysalis=%"],
    ["GET /login2.srf", "GET /rdr/pprdr.asp", "GET /config/msgrconfig.asmx?op=%3Cfuzz%3E",
     "GET /ppsecure/md5auth.srf?auth=x&creds=y&mode=ttl&rru=http://x/", "GET /ads/text",
     "GET /svcs/mms/tabs.asp", "GET /getuserrealm.srf?login=alice%40example.com"],
):
    save("pages", "\0".join(pages).encode())
