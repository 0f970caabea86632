//! A certificate authority for tests: certificates of every right and wrong kind, in files.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::path::{Path, PathBuf};

/// An authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

/// What a certificate shall be.
#[derive(Clone)]
pub struct Sheet {
    pub common_name: &'static str,
    pub names: Vec<&'static str>,
    pub from: (i32, u8, u8),
    pub until: (i32, u8, u8),
    pub usage: Option<ExtendedKeyUsagePurpose>,
    /// The contents of its role extensions.
    pub roles: Vec<Vec<u8>>,
}

/// A certificate with its key.
pub struct Issued {
    /// It and its authority.
    pub chain: String,
    pub leaf: String,
    pub key: String,
    pub der: Vec<u8>,
}

/// A role as it shall be written.
pub fn utf8(role: &str) -> Vec<u8> {
    let mut bytes = vec![0x0C, u8::try_from(role.len()).unwrap()];
    bytes.extend(role.as_bytes());
    bytes
}

impl Sheet {
    /// A device that answers on this host.
    pub fn device(names: &[&'static str]) -> Self {
        Self {
            common_name: "inverter",
            names: names.to_vec(),
            from: (2020, 1, 1),
            until: (2120, 1, 1),
            usage: Some(ExtendedKeyUsagePurpose::ServerAuth),
            roles: Vec::new(),
        }
    }

    /// A gateway with this role.
    pub fn gateway(role: &str) -> Self {
        Self {
            common_name: "gateway",
            usage: Some(ExtendedKeyUsagePurpose::ClientAuth),
            roles: vec![utf8(role)],
            ..Self::device(&["gateway.local"])
        }
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2120, 1, 1));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn issue(&self, sheet: &Sheet) -> Issued {
        let (params, key) = (params(sheet), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let leaf = certificate.pem();
        Issued {
            chain: format!("{leaf}{}", self.pem),
            leaf,
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }
}

/// A certificate that nobody but itself vouches for.
pub fn self_signed(sheet: &Sheet) -> Issued {
    let (params, key) = (params(sheet), KeyPair::generate().unwrap());
    let certificate = params.self_signed(&key).unwrap();
    let leaf = certificate.pem();
    Issued { chain: leaf.clone(), leaf, key: key.serialize_pem(), der: certificate.der().to_vec() }
}

fn params(sheet: &Sheet) -> CertificateParams {
    let names: Vec<String> = sheet.names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, sheet.common_name);
    let date = |(year, month, day)| date_time_ymd(year, month, day);
    (params.not_before, params.not_after) = (date(sheet.from), date(sheet.until));
    params.extended_key_usages = sheet.usage.iter().cloned().collect();
    let oid = [1, 3, 6, 1, 4, 1, 50316, 802, 1];
    for role in &sheet.roles {
        params.custom_extensions.push(CustomExtension::from_oid_content(&oid, role.clone()));
    }
    params
}

impl Issued {
    /// Writes `NAME.pem` (the chain) and `NAME.key`; gives their paths.
    pub fn save(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        (save(folder, &format!("{name}.pem"), &self.chain), save(folder, &format!("{name}.key"), &self.key))
    }
}

/// Writes a file that only its owner may read.
pub fn save(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
