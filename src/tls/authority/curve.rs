//! An authority with keys on a curve, signed with SHA-256: what is left without OpenSSL. Windows
//! Vista and later take it.

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use time::{Duration, OffsetDateTime};

use super::{AuthorityError, Issued, IssuedFile, LAST_YEAR, MODERN_DAYS, ROOT_NAME, as_address};

pub(super) fn issue(names: &[String], now_secs: i64) -> Result<Issued, AuthorityError> {
    build(names, now_secs).map_err(|error| AuthorityError(error.to_string()))
}

fn build(names: &[String], now_secs: i64) -> Result<Issued, rcgen::Error> {
    let today = OffsetDateTime::from_unix_timestamp(now_secs).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let yesterday = today - Duration::DAY;

    let root_key = KeyPair::generate()?;
    let mut root = CertificateParams::default();
    root.distinguished_name.push(DnType::CommonName, ROOT_NAME);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    root.not_before = yesterday;
    root.not_after = date_time_ymd(LAST_YEAR, 12, 31);
    let root_certificate = root.self_signed(&root_key)?;
    let issuer = Issuer::new(root, &root_key);

    let key = KeyPair::generate()?;
    let mut server = CertificateParams::default();
    if let Some(first) = names.first() {
        server
            .distinguished_name
            .push(DnType::CommonName, first.as_str());
    }
    server.subject_alt_names = names
        .iter()
        .map(|name| match as_address(name) {
            Some(address) => Ok(SanType::IpAddress(address.into())),
            None => Ia5String::try_from(name.as_str()).map(SanType::DnsName),
        })
        .collect::<Result<_, _>>()?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.not_before = yesterday;
    server.not_after = today + Duration::days(MODERN_DAYS);
    let server_certificate = server.signed_by(&key, &issuer)?;

    let files = vec![
        IssuedFile {
            name: "ca.key",
            purpose: "the key of the root: take it off this machine, it is never needed to run",
            contents: root_key.serialize_pem().into_bytes(),
            is_secret: true,
        },
        IssuedFile {
            name: "ca.cer",
            purpose: "the root, for the machines of your clients; [tls] ca",
            contents: root_certificate.der().to_vec(),
            is_secret: false,
        },
        IssuedFile {
            name: "server.key",
            purpose: "[tls] key",
            contents: key.serialize_pem().into_bytes(),
            is_secret: true,
        },
        IssuedFile {
            name: "server.pem",
            purpose: "[tls] certificate",
            contents: server_certificate.pem().into_bytes(),
            is_secret: false,
        },
    ];
    Ok(Issued {
        files,
        remark: "These keys are ECDSA P-256, signed with SHA-256, for Windows Vista and later: the \
                 library in this program makes no RSA keys. Older clients need RSA and SHA-1; a \
                 program built with `--features legacy-tls` makes those.",
    })
}
