//! Which credentials are masked in the events of an organization: the built-in rules, what the operator adds, and what
//! the organization has chosen within what the operator lets it. How values are recognised is `actarium_core::masking`.

use std::sync::Arc;

use actarium_core::masking::Masking;

use crate::directory::document::{MaskingChoice, OrganizationSettings};

/// What the operator decides for every organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskingOptions {
    /// Whether organizations may neither switch masking off nor exempt keys.
    pub enforced: bool,
    /// Keys that are masked besides the built-in ones.
    pub mask_keys: Vec<String>,
    /// Keys that are exempt.
    pub keep_keys: Vec<String>,
}

/// The rules in force.
#[derive(Debug)]
pub struct MaskingRules {
    options: MaskingOptions,
    /// Those of an organization that has chosen nothing.
    common: Arc<Masking>,
}

impl MaskingRules {
    /// The rules under these options.
    pub fn new(options: MaskingOptions) -> Self {
        let common = Arc::new(Masking::STANDARD.with_keys(&options.mask_keys, &options.keep_keys));
        Self { options, common }
    }

    /// Whether organizations may only add to the rules.
    pub fn enforced(&self) -> bool {
        self.options.enforced
    }

    /// The rules for an organization with these settings.
    pub fn of(&self, settings: Option<&OrganizationSettings>) -> Arc<Masking> {
        let Some(choice) = settings.and_then(|settings| settings.masking.as_ref()) else { return self.common.clone() };
        let MaskingChoice { off, mask_keys, keep_keys } = choice;
        if *off && !self.options.enforced {
            return Arc::new(Masking::OFF);
        }
        let keep: &[String] = if self.options.enforced { &[] } else { keep_keys };
        Arc::new(Masking::clone(&self.common).with_keys(mask_keys, keep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_enforces_an_organization_can_only_add_to() {
        let choice = MaskingChoice { off: true, mask_keys: vec!["pin".into()], keep_keys: vec!["token".into()] };
        let settings = OrganizationSettings { masking: Some(choice), ..OrganizationSettings::default() };
        let rules = |enforced| MaskingRules::new(MaskingOptions { enforced, ..MaskingOptions::default() });
        assert_eq!(*rules(false).of(Some(&settings)), Masking::OFF);
        assert_eq!(*rules(true).of(Some(&settings)), Masking::STANDARD.with_keys(&["pin"], &[]));
        assert_eq!(*rules(false).of(None), Masking::STANDARD);
    }
}
