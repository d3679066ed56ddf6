//! How names and addresses are spelt: what may not stand in them, and in what form they are compared. Pure.
//!
//! Two names that look alike are one to who reads them. So what cannot be seen is refused, and names are compared without
//! case after compatibility composition (Unicode's NFKC, UAX #15), which takes full-width, ligature and composed forms as
//! one. Letters of different scripts that look alike are told apart: no rule separates them without refusing real names.

use actarium_core::text;
use icu_normalizer::ComposingNormalizerBorrowed;

use crate::limits;

/// Characters besides the control characters that are not seen, or that change the direction of what stands around them, as
/// ranges. Joiners and tags are among them; variation selectors are not, which emoji need and comparing leaves out.
const UNSEEN: [(char, char); 18] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e00ff}'),
    ('\u{e01f0}', '\u{e0fff}'),
];

/// The first character of a text that is a control character, is not seen, or changes the direction of others.
pub fn unseen(text: &str) -> Option<char> {
    let is_unseen = |character: char| UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&character));
    text.chars().find(|character| character.is_control() || is_unseen(*character))
}

/// Refuses a text with a character that is not seen, and names it.
///
/// # Errors
/// Which character it is.
pub fn all_seen(text: &str) -> Result<(), String> {
    let Some(character) = unseen(text) else { return Ok(()) };
    Err(format!(
        "must not contain U+{:04X}: control characters, and characters that are not seen or change the direction of text, \
         are not taken",
        u32::from(character)
    ))
}

/// A name as it is compared with others: without case, composed for compatibility, without variation selectors, and without
/// spaces but single ones between words.
pub fn name_key(name: &str) -> String {
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_ascii() {
        return spaced(&name.to_ascii_lowercase());
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    // Lower case may take a character out of the composed form, so it is composed once more.
    let folded = text::fold(&nfkc.normalize(name));
    let kept: String = nfkc.normalize(&folded).chars().filter(|character| !is_selector(*character)).collect();
    spaced(&kept)
}

/// Whether a character only chooses between forms of the one before it.
fn is_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether two names would be taken for each other.
pub fn same_name(left: &str, right: &str) -> bool {
    name_key(left) == name_key(right)
}

/// What the service and its operator are called in records: nobody else may be called by these words alone.
const OWN_NAMES: [&str; 2] = ["actarium", "operator"];
/// Words that make no other name of one of these.
const EMPTY_WORDS: [&str; 3] = ["the", "service", "system"];

/// Refuses a name under which somebody would pass for the service or its operator in records.
///
/// # Errors
/// What would be right.
pub fn not_the_services(name: &str) -> Result<(), String> {
    let mut letters: String = name_key(name).chars().map(latin_alike).filter(|c| c.is_alphanumeric()).collect();
    let is_own = OWN_NAMES.iter().any(|own| letters.contains(own));
    for word in OWN_NAMES.iter().chain(&EMPTY_WORDS) {
        letters = letters.replace(word, "");
    }
    if !is_own || !letters.is_empty() {
        return Ok(());
    }
    Err("must not be what this service or its operator is called in records; say more, such as `Kubernetes operator`"
        .into())
}

/// The Latin letter of these names that a folded letter or digit is taken for. Elsewhere letters of different scripts stay apart;
/// for these few words there is no real name to lose.
fn latin_alike(character: char) -> char {
    match character {
        'а' | 'α' | 'ɑ' => 'a',
        'с' | 'ϲ' => 'c',
        'е' | 'ε' | 'є' => 'e',
        'һ' | 'н' | 'η' => 'h',
        'і' | 'ι' | 'ı' | '1' | 'l' | '|' => 'i',
        'м' | 'μ' => 'm',
        'о' | 'ο' | 'σ' | '0' => 'o',
        'р' | 'ρ' => 'p',
        'г' | 'ѓ' => 'r',
        'ѕ' | '5' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' => 'u',
        'ѵ' | 'ν' => 'v',
        'у' | 'γ' => 'y',
        other => other,
    }
}

/// An e-mail address in the one spelling in which it is kept and compared: composed (NFC, as RFC 6532 asks for), in lower case,
/// the domain of other letters as IDNA writes it (UTS #46, punycode). Before the `@` there is no character that only looks
/// like others: no full-width letter, no ligature. Whether it receives mail only mail can tell.
///
/// # Errors
/// What is allowed; a character that is not is named.
pub fn address(given: &str) -> Result<String, String> {
    all_seen(given)?;
    let refused = || {
        let chars_max = limits::EMAIL_CHARS_MAX;
        format!("must be an e-mail address such as ada@example.com, of at most {chars_max} characters")
    };
    let (local, domain) = given.rsplit_once('@').ok_or_else(refused)?;
    let (nfc, nfkc) = (ComposingNormalizerBorrowed::new_nfc(), ComposingNormalizerBorrowed::new_nfkc());
    let local = nfc.normalize(local);
    let is_variant =
        |character: &char| is_selector(*character) || !nfkc.is_normalized(character.encode_utf8(&mut [0; 4]));
    if let Some(variant) = local.chars().find(is_variant) {
        let code = u32::from(variant);
        return Err(format!(
            "must not have U+{code:04X} before the `@`: it is a variant of other characters, write these"
        ));
    }
    let local = nfc.normalize(&text::fold(&local)).into_owned();
    let domain = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain).map_err(|_| refused())?
    };
    let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@');
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let is_domain = plain(&domain)
        && domain.bytes().all(of_a_name)
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && !domain.contains("..");
    let address = format!("{local}@{domain}");
    let fits = address.chars().count() <= limits::EMAIL_CHARS_MAX;
    if plain(&local) && is_domain && fits { Ok(address) } else { Err(refused()) }
}

/// What an address is looked up by, whoever wrote it and before there was a rule for it.
pub fn address_key(given: &str) -> String {
    address(given).unwrap_or_else(|_| text::fold(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_named() {
        for (text, named) in [
            ("Ad\u{202e}min", "U+202E"),
            ("Admin\u{200b}", "U+200B"),
            ("\u{feff}Admin", "U+FEFF"),
            ("Ad\u{ad}min", "U+00AD"),
            ("a\nb", "U+000A"),
            ("a\u{e0041}", "U+E0041"),
        ] {
            let refused = all_seen(text).unwrap_err();
            assert!(refused.contains(named), "{refused}");
        }
        for good in ["Zoë & Söhne", "開発", "Ops 🛠\u{fe0f}", "مدير", "Ада", ""] {
            assert_eq!(all_seen(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn names_that_look_alike_are_one() {
        for other in ["ADMIN", "ａｄｍｉｎ", "𝐀dmin", "Ａdmin", "ad\u{fe0e}min", "Admin ", " Admin", "Admin\u{a0}"]
        {
            assert!(same_name("Admin", other), "{other}");
        }
        assert!(same_name("Zoe\u{308}", "ZOË") && same_name("ﬁnance", "FINANCE") && same_name("ΟΔΟΣ", "οδος"));
        assert!(!same_name("Admin", "Аdmin"), "a letter of another script");
        assert!(
            same_name("Platform Engineer", "platform  engineer") && !same_name("Platform Engineer", "PlatformEngineer")
        );
        assert!(!same_name("Ops", "Ops 2"));
    }

    #[test]
    fn nobody_is_called_what_the_service_or_its_operator_is_called() {
        for taken in [
            "Operator",
            "OPERATOR ",
            " actarium",
            "Actarium",
            "actarium ",
            "(Operator)",
            "The Operator",
            "Actarium Service",
            "Actarium – Operator",
            "operator.system",
            "Act arium",
            "Асtаrium",
            "ΑCTΑRIUM",
            "0perator",
            "Actar1um",
            "ActarIum",
            "Actarlum",
            "Ｏｐｅｒａｔｏｒ",
        ] {
            assert!(not_the_services(taken).is_err(), "{taken}");
        }
        for free in
            ["Kubernetes operator", "Operators", "actarium exporter", "Operator 2", "System", "The", "Ada", "開発"]
        {
            assert_eq!(not_the_services(free), Ok(()), "{free}");
        }
    }

    #[test]
    fn addresses_have_one_spelling() {
        for (given, kept) in [
            ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
            ("ada@EXÄMPLE.com", "ada@xn--exmple-cua.com"),
            ("ada@exa\u{308}mple.com", "ada@xn--exmple-cua.com"),
            ("ada@XN--EXMPLE-CUA.com", "ada@xn--exmple-cua.com"),
            ("ada@ｅxample.com", "ada@example.com"),
            ("O\u{308}RJAN@example.com", "örjan@example.com"),
        ] {
            assert_eq!(address(given).as_deref(), Ok(kept), "{given}");
        }
        for (given, named) in [
            ("ａda@example.com", "U+FF41"),
            ("oﬃce@example.com", "U+FB03"),
            ("ada\u{200b}@example.com", "U+200B"),
            ("ada@exam\u{ad}ple.com", "U+00AD"),
        ] {
            assert!(address(given).unwrap_err().contains(named), "{given}");
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "a@b@example.com",
            "ada@-x.com",
            "ada@x..com",
            "ada@\u{ff0e}",
            "ada@exa*mple.com",
            "ada@[192.0.2.1]",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert_ne!(address("аda@example.com"), address("ada@example.com"), "a letter of another script");
        assert_eq!(address_key("ada@-x.com"), "ada@-x.com");
    }
}
