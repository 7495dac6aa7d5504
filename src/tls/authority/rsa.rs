//! An authority with RSA keys, made with OpenSSL: once signed with SHA-1, for what never learnt
//! SHA-256 (before Windows XP with Service Pack 3), and once with SHA-256 for everybody else.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

use super::{AuthorityError, Issued, IssuedFile, LAST_YEAR, MODERN_DAYS, ROOT_NAME, as_address};

/// The length of the keys: the longest that all of the old clients take.
const KEY_BITS: u32 = 2048;
const DAY_SECS: i64 = 86_400;
/// The certificate for old clients is good from here on: an old machine whose battery is empty
/// believes that it is about this year.
const OLDEST: &str = "20000101000000Z";

pub(super) fn issue(names: &[String], now_secs: i64) -> Result<Issued, AuthorityError> {
    build(names, now_secs).map_err(|error| AuthorityError(error.to_string()))
}

fn build(names: &[String], now_secs: i64) -> Result<Issued, ErrorStack> {
    let (sha1, sha256) = (MessageDigest::sha1(), MessageDigest::sha256());
    let root_key = new_key()?;
    let old_root = root(&root_key, sha1)?;
    let new_root = root(&root_key, sha256)?;

    let key = new_key()?;
    let last = format!("{LAST_YEAR}1231235959Z");
    let long = (Asn1Time::from_str(OLDEST)?, Asn1Time::from_str(&last)?);
    let short = (
        Asn1Time::from_unix(now_secs - DAY_SECS)?,
        Asn1Time::from_unix(now_secs + MODERN_DAYS * DAY_SECS)?,
    );
    let old = server(names, &key, &old_root, &root_key, sha1, &long)?;
    let new = server(names, &key, &new_root, &root_key, sha256, &short)?;

    let public = |name, purpose, contents| IssuedFile {
        name,
        purpose,
        contents,
        is_secret: false,
    };
    let secret = |name, purpose, contents| IssuedFile {
        name,
        purpose,
        contents,
        is_secret: true,
    };
    let files = vec![
        secret(
            "ca.key",
            "the key of the root: take it off this machine, it is never needed to run",
            root_key.private_key_to_pem_pkcs8()?,
        ),
        public(
            "ca-sha1.cer",
            "the root for clients before Windows XP SP3; [legacy_tls] ca",
            old_root.to_der()?,
        ),
        public(
            "ca-sha256.cer",
            "the same root for all others; [tls] ca",
            new_root.to_der()?,
        ),
        secret(
            "server.key",
            "[tls] key and [legacy_tls] key",
            key.private_key_to_pem_pkcs8()?,
        ),
        public("server-sha1.pem", "[legacy_tls] certificate", old.to_pem()?),
        public("server-sha256.pem", "[tls] certificate", new.to_pem()?),
    ];
    Ok(Issued {
        files,
        remark: "Both roots are one: the same name and key, signed once with SHA-1 and once with \
                 SHA-256. Whoever trusts one of them trusts either certificate of the server.",
    })
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(KEY_BITS)?)
}

fn root(key: &PKey<Private>, digest: MessageDigest) -> Result<X509, ErrorStack> {
    let name = name(ROOT_NAME)?;
    let mut builder = begin(&name, key)?;
    builder.set_issuer_name(&name)?;
    let from = Asn1Time::from_str(OLDEST)?;
    let until = Asn1Time::from_str(&format!("{LAST_YEAR}1231235959Z"))?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    let usage = KeyUsage::new()
        .critical()
        .key_cert_sign()
        .crl_sign()
        .build()?;
    builder.append_extension(usage)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    builder.sign(key, digest)?;
    Ok(builder.build())
}

fn server(
    names: &[String],
    key: &PKey<Private>,
    root: &X509,
    root_key: &PKey<Private>,
    digest: MessageDigest,
    (from, until): &(Asn1Time, Asn1Time),
) -> Result<X509, ErrorStack> {
    let first = names.first().map_or("chrysalis", String::as_str);
    let mut builder = begin(&name(first)?, key)?;
    builder.set_issuer_name(root.subject_name())?;
    builder.set_not_before(from)?;
    builder.set_not_after(until)?;
    builder.append_extension(BasicConstraints::new().build()?)?;
    let usage = KeyUsage::new()
        .digital_signature()
        .key_encipherment()
        .build()?;
    builder.append_extension(usage)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let mut alternatives = SubjectAlternativeName::new();
    for name in names {
        match as_address(name) {
            Some(address) => alternatives.ip(&address.to_string()),
            None => alternatives.dns(name),
        };
    }
    let context = builder.x509v3_context(Some(root), None);
    let alternatives = alternatives.build(&context)?;
    let identifier = SubjectKeyIdentifier::new().build(&context)?;
    let issuer = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
    builder.append_extension(alternatives)?;
    builder.append_extension(identifier)?;
    builder.append_extension(issuer)?;
    builder.sign(root_key, digest)?;
    Ok(builder.build())
}

/// A certificate with what all of them have: form, number, name and key.
fn begin(name: &X509Name, key: &PKey<Private>) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut number = BigNum::new()?;
    // A positive number of 16 bytes.
    number.rand(127, MsbOption::ONE, false)?;
    let number = Asn1Integer::from_bn(&number)?;
    builder.set_serial_number(&number)?;
    builder.set_subject_name(name)?;
    builder.set_pubkey(key)?;
    Ok(builder)
}

fn name(text: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", text)?;
    Ok(name.build())
}
