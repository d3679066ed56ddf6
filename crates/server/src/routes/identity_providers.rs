//! Identity providers, and who is taken in through them.

use super::{JSON, Method, Operation, Permission, Route, answer, make, read, remove, show};
use crate::access::Right;
use crate::limits;
use crate::parameters::{Form, Parameter};
use crate::problem::Kind;

const fn text(name: &'static str, required: bool, description: &'static str, example: &'static str) -> Parameter {
    let form = Form::Text { chars_max: limits::SIGN_IN_PARAMETER_CHARS_MAX };
    Parameter { name, form, repeatable: false, required, description, example }
}

/// Codes of some providers are long.
const CODE: Parameter = Parameter {
    form: Form::Text { chars_max: limits::SIGN_IN_CODE_CHARS_MAX },
    ..text("code", false, "What the provider gives for the person.", "SplxlOBeZQQYbYS6WxSbIA")
};

const START: &[Parameter] = &[
    text("org", true, "The organization.", "acme"),
    text("provider", true, "The id of its provider.", "idp_0a1B2c3D4e5F"),
    text("return_to", false, "The path of this service to go to when signed in.", "/"),
];

const CALLBACK: &[Parameter] = &[
    text("state", false, "Which attempt is answered.", "af0ifjsldkj"),
    CODE,
    text("iss", false, "The issuer (RFC 9207).", "https://id.example.com"),
    text("error", false, "Why the provider did not sign the person in.", "access_denied"),
];

/// The routes.
pub(super) static ROUTES: [Route; 9] = [
    Route {
        problems: &[Kind::NotFound, Kind::Unavailable],
        ..read(
            Operation::OidcStart,
            "/v1/session/oidc",
            Permission::Public,
            (
                "Sign in through an identity provider",
                "Sends the browser to an organization's provider; it comes back with a session for that organization.",
            ),
            START,
            &[answer(303, &[], "To the provider.")],
        )
    },
    Route {
        problems: &[Kind::Forbidden, Kind::Unavailable],
        // What providers add is theirs (RFC 6749, section 4.1.2).
        ignores_unknown: true,
        ..read(
            Operation::OidcCallback,
            "/v1/session/oidc/callback/{id}",
            Permission::Public,
            ("Come back from an identity provider", "Where providers send browsers: the redirect URI."),
            CALLBACK,
            &[answer(303, &[], "Signed in, to where the browser wanted to go.")],
        )
    },
    show(
        Operation::IdentityProviderList,
        ("/v1/orgs/{org}/identity-providers", Right::SignInView, "identity_provider.list"),
        ("List identity providers", "By id, without their secrets."),
        &[],
        &[answer(200, &[(JSON, "IdentityProviders")], "The providers.")],
    ),
    make(
        Operation::IdentityProviderCreate,
        ("/v1/orgs/{org}/identity-providers", Right::SignInManage, "identity_provider.create"),
        (
            "Create an identity provider",
            "An OpenID Connect provider through which people sign in to this organization. The client's secret is never \
             shown again. Who makes or changes one must hold every permission.",
        ),
        &[(JSON, "NewIdentityProvider")],
        &[answer(201, &[(JSON, "IdentityProvider")], "The provider is there.")],
    ),
    show(
        Operation::IdentityProviderView,
        ("/v1/orgs/{org}/identity-providers/{id}", Right::SignInView, "identity_provider.view"),
        ("Read an identity provider", "Without its secret."),
        &[],
        &[answer(200, &[(JSON, "IdentityProvider")], "The provider.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::IdentityProviderUpdate,
            ("/v1/orgs/{org}/identity-providers/{id}", Right::SignInManage, "identity_provider.update"),
            (
                "Change an identity provider",
                "What is left out stays as it is; an empty secret takes it away. With a new issuer the stored secret is \
                 forgotten.",
            ),
            &[(JSON, "IdentityProviderUpdate")],
            &[answer(200, &[(JSON, "IdentityProvider")], "As it is now.")],
        )
    },
    remove(
        Operation::IdentityProviderDelete,
        ("/v1/orgs/{org}/identity-providers/{id}", Right::SignInManage, "identity_provider.delete"),
        ("Delete an identity provider", "With the memberships in groups that its mapping gave."),
    ),
    show(
        Operation::SignInView,
        ("/v1/orgs/{org}/sign-in", Right::SignInView, "sign_in.view"),
        ("Read who is taken in", "The domains from which identity providers bring in new members."),
        &[],
        &[answer(200, &[(JSON, "SignInSettings")], "The settings.")],
    ),
    Route {
        method: Method::Patch,
        ..make(
            Operation::SignInUpdate,
            ("/v1/orgs/{org}/sign-in", Right::SignInManage, "sign_in.update"),
            ("Change who is taken in", "The domains from which identity providers bring in new members."),
            &[(JSON, "SignInUpdate")],
            &[answer(200, &[(JSON, "SignInSettings")], "As it is now.")],
        )
    },
];
