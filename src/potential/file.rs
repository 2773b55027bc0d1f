//! The potential file `*.mlip.json`: one text, a versioned schema, a checksum; read without trust.

use super::anomaly::AnomalyIndex;
use super::{Center, Potential};
use crate::basis::Basis;
use crate::basis::{spec::BasisSpec, spec_v1};
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// First entry of every file.
pub const FORMAT: &str = "mlip_rs potential";
/// Version written by this code; version 1, which has another basis specification, is read as well.
pub const VERSION: u64 = 2;
/// Larger files are refused unread, bytes.
pub const MAX_BYTES: usize = 256 << 20;

/// Content that the checksum protects, with the basis specification `S` of its version.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<S> {
    package_version: String,
    units: Units,
    basis: S,
    centers: Vec<Center>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<AnomalyIndex>,
    info: serde_json::Value,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Units {
    length: String,
    energy: String,
}

impl Units {
    fn internal() -> Self {
        Self {
            length: "angstrom".into(),
            energy: "eV".into(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u64,
    checksum: String,
    content: serde_json::Value,
}

impl Potential {
    /// The text of the potential file.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] if a number has no JSON form.
    pub fn to_json(&self) -> Result<String> {
        let content = self.content()?;
        let document = Document {
            format: FORMAT.into(),
            version: VERSION,
            checksum: checksum(&content),
            content,
        };
        serde_json::to_string_pretty(&document).map_err(|e| unwritable(&e))
    }

    /// SHA-256 of the content of the potential file, as written there; computed once.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] if a number has no JSON form.
    pub fn checksum(&self) -> Result<&str> {
        if let Some(known) = self.checksum.get() {
            return Ok(known);
        }
        let found = checksum(&self.content()?);
        Ok(self.checksum.get_or_init(|| found))
    }

    /// What the checksum protects.
    fn content(&self) -> Result<serde_json::Value> {
        let content = Content {
            package_version: env!("CARGO_PKG_VERSION").into(),
            units: Units::internal(),
            basis: self.basis().spec().clone(),
            centers: self.centers().to_vec(),
            index: self.index().cloned(),
            info: self.info().clone(),
        };
        serde_json::to_value(content).map_err(|e| unwritable(&e))
    }

    /// Read a potential file.
    ///
    /// # Errors
    /// [`Error::PotentialFile`] with the reason: not JSON or cut short, another format, a newer version, a checksum
    /// that does not match, unknown units, entries or labels, numbers that are not finite.
    pub fn from_json(text: &str) -> Result<Self> {
        let fail = |message: String| Error::PotentialFile(message);
        if text.len() > MAX_BYTES {
            return Err(fail(format!(
                "the file has {} bytes, more than {MAX_BYTES}",
                text.len()
            )));
        }
        if text.trim().is_empty() {
            return Err(fail("the file is empty; copy it again".into()));
        }
        let document: serde_json::Value = serde_json::from_str(text).map_err(|e| {
            fail(if e.is_eof() {
                format!("the file is cut short ({e}); copy it again")
            } else {
                format!("not a JSON document, so no potential file of mlip_rs ({e}); check that it is the right file")
            })
        })?;
        let version = check_head(&document)?;
        let document: Document = serde_json::from_value(document)
            .map_err(|e| fail(format!("not a potential of version {version}: {e}")))?;
        if checksum(&document.content) != document.checksum {
            return Err(fail(
                "the checksum does not match: the file was edited or damaged; write it again with the package".into(),
            ));
        }
        if version == 1 {
            Self::from_content::<spec_v1::BasisSpec>(document.content)
        } else {
            Self::from_content::<BasisSpec>(document.content)
        }
    }

    fn from_content<S: DeserializeOwned + Into<BasisSpec>>(
        content: serde_json::Value,
    ) -> Result<Self> {
        let fail = |message: String| Error::PotentialFile(message);
        let content: Content<S> = serde_json::from_value(content)
            .map_err(|e| fail(format!("the content is malformed: {e}")))?;
        if content.units != Units::internal() {
            return Err(fail(format!("unknown units {:?}", content.units)));
        }
        let basis = Basis::new(content.basis.into());
        let index = content.index.map(Arc::new);
        let potential = basis
            .and_then(|own| Self::assemble(Arc::new(own), content.centers, index, content.info));
        potential.map_err(|e| match e {
            Error::PotentialFile(_) => e,
            other => fail(other.to_string()),
        })
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::PotentialFile(format!("the potential cannot be written: {error}"))
}

/// The version; format and version come first, because a newer file may differ in everything else.
fn check_head(document: &serde_json::Value) -> Result<u64> {
    let fail = |message: String| Err(Error::PotentialFile(message));
    if document.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
        return fail(format!(
            "not a potential file: its \"format\" is not {FORMAT:?}"
        ));
    }
    match document.get("version").and_then(serde_json::Value::as_u64) {
        Some(version @ 1..=VERSION) => Ok(version),
        Some(version) if version > VERSION => fail(format!(
            "version {version} is newer than {VERSION}, which this package reads; update the package"
        )),
        _ => fail(format!(
            "its version is {}, which does not exist; versions go from 1 to {VERSION}",
            document.get("version").unwrap_or(&serde_json::Value::Null)
        )),
    }
}

/// SHA-256 of the compact form with sorted keys.
fn checksum(content: &serde_json::Value) -> String {
    let digest = Sha256::digest(content.to_string().as_bytes());
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect();
    format!("sha256:{hex}")
}
