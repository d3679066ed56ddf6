//! What the mail with an invitation says. Pure.

use actarium_core::row::Micros;
use actarium_core::time;

use super::Mail;

/// What is told of an invitation.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The address of whom it is for.
    pub to: &'a str,
    /// What the organization is called.
    pub organization: &'a str,
    /// Who invites.
    pub invited_by: &'a str,
    /// Where it is accepted, with its secret.
    pub link: &'a str,
    /// When it ends.
    pub expires_at: Micros,
}

/// The mail.
pub fn mail(told: Told<'_>) -> Mail {
    let Told { to, organization, invited_by, link, expires_at } = told;
    let ends = time::to_text(expires_at);
    // `2026-01-31T12:00:00.000000Z`, as far as the minute.
    let (day, minute) = (ends.get(..10).unwrap_or(&ends), ends.get(11..16).unwrap_or_default());
    let text = format!(
        "Hello,\n\n{invited_by} invites you to the organization \"{organization}\" on Actarium, its audit log.\nAccept the \
         invitation here:\n\n{link}\n\nThe link works once, until {day} {minute} UTC. Whoever has it can accept in your \
         place: pass it on to nobody.\nIf you did not expect this mail, you need not do anything.\n"
    );
    Mail { to: to.to_owned(), subject: format!("Invitation to {organization}"), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_says_who_invites_where_to_and_until_when() {
        let mail = mail(Told {
            to: "ada@example.com",
            organization: "Acme",
            invited_by: "Cleo",
            link: "https://audit.example.com/invitation#act_inv_x",
            expires_at: 1_769_860_800_000_000,
        });
        assert_eq!(mail.subject, "Invitation to Acme");
        assert!(mail.text.contains("Cleo invites you to the organization \"Acme\""), "{}", mail.text);
        assert!(mail.text.contains("\n\nhttps://audit.example.com/invitation#act_inv_x\n\n"), "{}", mail.text);
        assert!(mail.text.contains("once, until 2026-01-31 12:00 UTC."), "{}", mail.text);
    }
}
