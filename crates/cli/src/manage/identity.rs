//! `actarium scim-token` and `actarium identity-provider`: what an organization's people come from.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Column, Family, JsonArgument, OrgArgument, YesArgument, find, list, name, names, put_given, text};
use crate::client::Client;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::prompt;
use crate::show::{self, Details};

#[derive(Debug, Subcommand)]
pub enum ScimTokenCommand {
    /// Create a token for an identity provider; its secret is printed once and kept nowhere
    #[command(after_help = "Examples:
  actarium scim-token create --org acme Okta
  actarium scim-token create --org acme Okta --permission LOG-MANAGEMENT      may fill groups that give this

The secret alone goes to stdout.")]
    Create {
        #[command(flatten)]
        org: OrgArgument,
        /// What it is for
        name: String,
        /// An area or a permission that groups which it fills may give; repeatable
        #[arg(long, value_name = "PERMISSION")]
        permission: Vec<String>,
        /// When it ends: 12h, 90d, 4w, 2027-01-31 or RFC 3339; never if not given
        #[arg(long, value_name = "WHEN", value_parser = Ending::read)]
        expires: Option<Ending>,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// List SCIM tokens, without their secrets
    #[command(after_help = "Example:\n  actarium scim-token list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Revoke a SCIM token, with effect from the next request
    #[command(after_help = "Example:\n  actarium scim-token revoke --org acme Okta")]
    Revoke {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        // Not `token`: that is the option of the connection.
        #[arg(value_name = "TOKEN")]
        wanted: String,
        #[command(flatten)]
        yes: YesArgument,
    },
}

#[derive(Debug, Subcommand)]
pub enum IdentityProviderCommand {
    /// List the providers through which people sign in
    #[command(after_help = "Example:\n  actarium identity-provider list --org acme")]
    List {
        #[command(flatten)]
        org: OrgArgument,
        #[command(flatten)]
        form: JsonArgument,
    },
    /// Show a provider, without its secret
    #[command(after_help = "Example:\n  actarium identity-provider show --org acme Okta")]
    Show {
        #[command(flatten)]
        org: OrgArgument,
        /// Name or id
        provider: String,
        #[command(flatten)]
        form: JsonArgument,
    },
}

const TOKEN_COLUMNS: &[Column] = &[
    ("ID", super::id),
    ("NAME", name),
    ("CREATED (UTC)", super::created),
    ("EXPIRES (UTC)", super::expires),
    ("PERMISSIONS", |token| names(&token["permissions"])),
];

pub fn scim_token(client: &Client, command: ScimTokenCommand) -> Result<(), Failure> {
    match command {
        ScimTokenCommand::Create { org, name, permission, expires, form } => {
            let mut body = json!({ "name": name });
            let given = [
                ("permissions", (!permission.is_empty()).then(|| json!(permission))),
                ("expires_at", expires.map(|ending| json!(ending.moment()))),
            ];
            put_given(&mut body, &given);
            let made = client.make(&org.path("scim-tokens"), &body)?;
            if form.json {
                return show::json_line(&made);
            }
            show::note(&format!("SCIM token {} of {}; the secret below is shown this once", super::id(&made), org.org));
            show::line(&text(&made, "secret"))
        }
        ScimTokenCommand::List { org, form } => {
            list(client, (&org.path("scim-tokens"), "tokens"), &[], form.json, TOKEN_COLUMNS)
        }
        ScimTokenCommand::Revoke { org, wanted, yes } => {
            let id = find(client, &org, Family::SCIM_TOKEN, &wanted)?;
            prompt::confirm(yes.yes, || {
                Ok(format!("SCIM token {wanted} of {} is revoked: its provider changes nothing from then on", org.org))
            })?;
            client.delete(&org.path_of("scim-tokens", &id))?;
            show::note(&format!("SCIM token {wanted} is revoked"));
            Ok(())
        }
    }
}

const PROVIDER_COLUMNS: &[Column] =
    &[("ID", super::id), ("NAME", name), ("STATE", state), ("ISSUER", |provider| text(provider, "issuer"))];

fn state(provider: &Value) -> String {
    (if provider["enabled"] == false { "disabled" } else { "enabled" }).to_owned()
}

pub fn identity_provider(client: &Client, command: IdentityProviderCommand) -> Result<(), Failure> {
    match command {
        IdentityProviderCommand::List { org, form } => {
            list(client, (&org.path("identity-providers"), "identity_providers"), &[], form.json, PROVIDER_COLUMNS)
        }
        IdentityProviderCommand::Show { org, provider, form } => {
            let id = find(client, &org, Family::IDENTITY_PROVIDER, &provider)?;
            let provider = client.get(&org.path_of("identity-providers", &id), &[])?;
            if form.json {
                return show::json_line(&provider);
            }
            let details = Details::new().with("provider", name(&provider)).with("id", super::id(&provider));
            let details = details.with("state", state(&provider)).with("issuer", text(&provider, "issuer"));
            let details = details.with("client id", text(&provider, "client_id"));
            let details = details.with("redirect URI", text(&provider, "redirect_uri"));
            let details = details.with("sign-in path", text(&provider, "sign_in_path"));
            let details = details.with("groups claim", text(&provider, "groups_claim"));
            details.with("its domains", names(&provider["authoritative_domains"])).print()
        }
    }
}
