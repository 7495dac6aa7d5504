//! Certificate and key as OpenSSL takes them: it bears what rustls does not, such as keys of 1024
//! bits, so both sides of this listener look at the files through it.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::super::identity::{Files, IdentityError, read};

/// Says what is wrong with the files.
pub fn check_files(files: &Files) -> Result<(), IdentityError> {
    load(files).map(drop)
}

/// The two files, checked.
pub(super) fn load(files: &Files) -> Result<Pem, IdentityError> {
    let certificate = text(read(&files.certificate)?);
    let key = text(read(&files.key)?);
    let (chain, private) = parse(&certificate, &key);
    let chain = chain.ok_or_else(|| IdentityError::NoCertificate {
        path: files.certificate.clone(),
    })?;
    let private = private.ok_or_else(|| IdentityError::NoKey {
        path: files.key.clone(),
    })?;
    let public = chain.first().and_then(|first| first.public_key().ok());
    if !public.is_some_and(|public| public.public_eq(&private)) {
        return Err(IdentityError::Mismatch {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        });
    }
    Ok(Pem { certificate, key })
}

/// What is in the two files. Has no printed form, because of the key.
pub(super) struct Pem {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// What two texts in PEM hold: the certificate before its chain, and the key.
pub(super) fn parse(certificate: &str, key: &str) -> (Option<Vec<X509>>, Option<PKey<Private>>) {
    let chain = X509::stack_from_pem(certificate.as_bytes()).ok();
    // Never asks for a password at the terminal: a key under one is no key.
    let key = PKey::private_key_from_pem_callback(key.as_bytes(), |_| Ok(0)).ok();
    (chain.filter(|chain| !chain.is_empty()), key)
}

/// PEM is plain text; whatever else is in a file is not looked at.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
