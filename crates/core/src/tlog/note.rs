//! Signed notes and verifier keys (c2sp.org/signed-note), with the signatures of logs (type 0x01) and the timestamped
//! cosignatures of witnesses (type 0x04, c2sp.org/tlog-cosignature).
//!
//! It verifies; signing is a function of the caller's, so no secret key comes here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::hash::sha256;
use crate::hex::to_hex;

/// Bytes of a note that is read.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signatures of a note that is read; the format asks for 16 at least.
pub const NOTE_SIGNATURES_MAX: usize = 64;
/// What a line with a signature begins with: an em dash (U+2014) and a space.
const LINE_START: &str = "— ";
/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// Whether a text may name a key: not empty, no white space or control character of any kind, no plus sign.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// What a key signs, by the type byte of its verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// Ed25519 over the note's text: a log's.
    Log = 0x01,
    /// Ed25519 over a time and the note's text: a witness's.
    Witness = 0x04,
}

/// The public half of a key that signs notes, with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
}

/// A text that is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key (name+8 hexadecimal digits+base64): {0}")]
pub struct KeyError(&'static str);

impl VerifierKey {
    /// The key of this name.
    ///
    /// # Errors
    /// If the name is none, or the bytes are no public key of Ed25519.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError("the name is empty, or has white space or a plus sign"));
        }
        VerifyingKey::from_bytes(&public).map_err(|_| KeyError("the bytes are no public key of Ed25519"))?;
        Ok(Self { name: name.to_owned(), kind, public })
    }

    /// Reads `name+id+base64`. The base64 may hold plus signs, the name may not.
    ///
    /// # Errors
    /// What about it is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError("it has fewer than three parts"));
        };
        let bytes = BASE64.decode(key).map_err(|_| KeyError("the last part is not base64"))?;
        let (kind, public) = match bytes.split_first() {
            Some((0x01, public)) => (KeyKind::Log, public),
            Some((0x04, public)) => (KeyKind::Witness, public),
            _ => return Err(KeyError("the type is neither Ed25519 (1) nor a witness's Ed25519 (4)")),
        };
        let public = public.try_into().map_err(|_| KeyError("a public key of Ed25519 has 32 bytes"))?;
        let key = Self::new(name, kind, public)?;
        if key.id_text() != id {
            return Err(KeyError("the id does not belong to the key"));
        }
        Ok(key)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        let digest = sha256(&[self.name.as_bytes(), b"\n", &[self.kind as u8], &self.public]);
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// The id as it stands in the key's text.
    pub fn id_text(&self) -> String {
        to_hex(&self.id())
    }

    /// What is signed and when, if the payload of a signature is this key's over a note's text.
    fn check(&self, text: &str, payload: &[u8]) -> Option<Option<u64>> {
        let public = VerifyingKey::from_bytes(&self.public).ok()?;
        let verify = |message: &[u8], signature: &[u8; SIGNATURE_BYTES]| {
            public.verify_strict(message, &Signature::from_bytes(signature)).ok()
        };
        match self.kind {
            KeyKind::Log => verify(text.as_bytes(), payload.try_into().ok()?).map(|()| None),
            KeyKind::Witness => {
                let (time, signature) = payload.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                // The format keeps the highest bit free.
                i64::try_from(time).ok()?;
                let message = cosigned_message(time, text);
                verify(message.as_bytes(), signature.try_into().ok()?).map(|()| Some(time))
            }
        }
    }
}

/// What a witness signs about a note's text at a time in seconds since 1970.
fn cosigned_message(time_seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_seconds}\n{text}")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8], &self.public[..]].concat();
        write!(formatter, "{}+{}+{}", self.name, self.id_text(), BASE64.encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A signature as it stands in a note, verified or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub id: [u8; 4],
    /// What follows the id: the signature, for a witness behind its time.
    pub payload: Vec<u8>,
}

impl SignatureLine {
    /// A log's signature over a note's text.
    pub fn by_log(key: &VerifierKey, text: &str, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Self {
        debug_assert_eq!(key.kind, KeyKind::Log);
        Self { name: key.name.clone(), id: key.id(), payload: sign(text.as_bytes()).to_vec() }
    }

    /// A witness's signature over a note's text at a time in seconds since 1970.
    pub fn by_witness(key: &VerifierKey, text: &str, time_seconds: u64, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Self {
        debug_assert_eq!(key.kind, KeyKind::Witness);
        let signature = sign(cosigned_message(time_seconds, text).as_bytes());
        let payload = [&time_seconds.to_be_bytes()[..], &signature].concat();
        Self { name: key.name.clone(), id: key.id(), payload }
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a line of the signatures is not `— name base64`");
        let Some((name, signature)) = line.strip_prefix(LINE_START).and_then(|rest| rest.split_once(' ')) else {
            return Err(malformed);
        };
        let bytes = BASE64.decode(signature).map_err(|_| malformed)?;
        let Some((id, payload)) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty()) else {
            return Err(NoteError::Malformed("a signature is shorter than 5 bytes"));
        };
        if !is_key_name(name) {
            return Err(NoteError::Malformed("the name of a key is empty, or has white space or a plus sign"));
        }
        Ok(Self { name: name.to_owned(), id: *id, payload: payload.to_vec() })
    }
}

impl fmt::Display for SignatureLine {
    /// The line without its end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.payload].concat();
        write!(formatter, "{LINE_START}{} {}", self.name, BASE64.encode(bytes))
    }
}

/// A text and the signatures under it, none of which has been verified by being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// Why a note is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The bytes are no note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A signature under the name and id of a known key is not that key's over this text.
    #[error("the signature of {name} is not over this text: text or signature was changed")]
    Forged {
        /// Name of the key.
        name: String,
    },
    /// No known key has signed it.
    #[error("it is signed by {}, and by no key that is trusted here", signers.join(", "))]
    Unknown {
        /// The names and ids that stand under it.
        signers: Vec<String>,
    },
}

/// A signature that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: VerifierKey,
    /// When a witness signed, in seconds since 1970.
    pub time_seconds: Option<u64>,
}

impl Note {
    /// A text with signatures under it.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] for what could not be read back.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Self, NoteError> {
        let note = Self { text, signatures };
        if Self::parse(note.to_string().as_bytes())? == note {
            Ok(note)
        } else {
            Err(NoteError::Malformed("it reads back as another note"))
        }
    }

    /// Reads a note; its signatures are looked at by [`Note::verify`].
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(malformed("longer than 65,536 bytes"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(malformed("it holds a control character"));
        }
        let Some(end) = note.rfind("\n\n") else {
            return Err(malformed("no empty line parts text and signatures"));
        };
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let Some(signatures) = signatures.strip_suffix('\n') else {
            return Err(malformed("it does not end with a signature and the end of its line"));
        };
        let lines: Vec<&str> = signatures.split('\n').collect();
        if lines.len() > NOTE_SIGNATURES_MAX {
            return Err(malformed("it has more than 64 signatures"));
        }
        let signatures = lines.into_iter().map(SignatureLine::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with the end of its last line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures as they stand.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature, unless the same key has one already.
    pub fn add(&mut self, signature: SignatureLine) {
        let same = |other: &SignatureLine| other.name == signature.name && other.id == signature.id;
        if self.signatures.len() < NOTE_SIGNATURES_MAX && !self.signatures.iter().any(same) {
            self.signatures.push(signature);
        }
    }

    /// The signatures of known keys. Those of others are passed over.
    ///
    /// # Errors
    /// [`NoteError::Forged`] if the signature of a known key fails, [`NoteError::Unknown`] if there is none.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<Signed>, NoteError> {
        let mut found: Vec<Signed> = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.name == line.name && key.id() == line.id) else { continue };
            let Some(time_seconds) = key.check(&self.text, &line.payload) else {
                return Err(NoteError::Forged { name: line.name.clone() });
            };
            if !found.iter().any(|signed| signed.key == *key) {
                found.push(Signed { key: key.clone(), time_seconds });
            }
        }
        if found.is_empty() {
            let hex = |id: &[u8; 4]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let signers = self.signatures.iter().map(|line| format!("{}+{}", line.name, hex(&line.id))).collect();
            return Err(NoteError::Unknown { signers });
        }
        Ok(found)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        formatter.write_str("\n")?;
        self.signatures.iter().try_for_each(|signature| writeln!(formatter, "{signature}"))
    }
}
