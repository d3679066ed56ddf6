//! What all organizations share and none may take alone: memory for bodies, turns for queries and exports. Whoever holds
//! as much as one organization may have waits for itself, not before the others.

use std::collections::HashMap;
use std::sync::Arc;

use actarium_store::OrganizationId;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One organization may hold at most three quarters of what all share.
const OF_ONE_QUARTERS_MAX: usize = 3;

/// A number of units that all organizations share.
#[derive(Debug)]
pub struct Shares {
    all: Arc<Semaphore>,
    of_one_max: usize,
    ones: Mutex<HashMap<OrganizationId, Arc<Semaphore>>>,
}

/// Units that are held, until dropped.
#[derive(Debug)]
pub struct Share {
    all: OwnedSemaphorePermit,
    of_one: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// As many units for all.
    pub fn new(units: usize) -> Self {
        let of_one_max = (units / 4 * OF_ONE_QUARTERS_MAX).max(1);
        Self { all: Arc::new(Semaphore::new(units)), of_one_max, ones: Mutex::default() }
    }

    /// Waits for units; for those that no single organization has to answer for, `organization` is none.
    pub async fn take(&self, organization: Option<OrganizationId>, units: usize) -> Share {
        const OPEN: &str = "the semaphores are never closed";
        // What can never be had at once is had when everything else is back.
        let of_one = match organization {
            Some(organization) => {
                let units = units.min(self.of_one_max) as u32;
                Some(self.of(organization).acquire_many_owned(units).await.expect(OPEN))
            }
            None => None,
        };
        let all = self.all.clone().acquire_many_owned(units as u32).await.expect(OPEN);
        Share { all, of_one }
    }

    /// One unit, if it can be had now.
    pub fn try_take(&self, organization: OrganizationId) -> Option<Share> {
        let of_one = self.of(organization).try_acquire_owned().ok()?;
        let all = self.all.clone().try_acquire_owned().ok()?;
        Some(Share { all, of_one: Some(of_one) })
    }

    /// Units that nobody holds.
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }

    fn of(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut ones = self.ones.lock();
        ones.entry(organization).or_insert_with(|| Arc::new(Semaphore::new(self.of_one_max))).clone()
    }
}

impl Share {
    /// How many units.
    pub fn units(&self) -> usize {
        self.all.num_permits()
    }

    /// Gives back what is beyond as many units.
    pub fn keep(&mut self, units: usize) {
        for permit in [Some(&mut self.all), self.of_one.as_mut()].into_iter().flatten() {
            let surplus = permit.num_permits().saturating_sub(units);
            drop(permit.split(surplus));
        }
    }

    /// Adds more units of the same [`Shares`] and organization.
    pub fn add(&mut self, more: Share) {
        self.all.merge(more.all);
        match (&mut self.of_one, more.of_one) {
            (Some(held), Some(more)) => held.merge(more),
            (held, more) => *held = held.take().or(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_organization_leaves_something_to_the_others() {
        let shares = Shares::new(8);
        let [one, other] = [1, 2].map(|number| OrganizationId([number; 16]));
        let mut held: Vec<Share> = std::iter::from_fn(|| shares.try_take(one)).collect();
        assert_eq!(held.len(), 6);
        // Somebody of the same organization who waits is before nobody of another.
        let waiting = shares.take(Some(one), 2);
        tokio::pin!(waiting);
        assert!(futures_now(waiting.as_mut()).await.is_none());
        held.push(shares.try_take(other).unwrap());
        held.push(shares.take(None, 1).await);
        assert_eq!(shares.free(), 0);
        drop(held);
        assert_eq!(waiting.await.units(), 2);
        assert_eq!(shares.free(), 8);
    }

    #[tokio::test]
    async fn a_share_grows_and_is_given_back_whole() {
        let shares = Shares::new(8);
        let organization = Some(OrganizationId([1; 16]));
        let mut share = shares.take(organization, 1).await;
        share.add(shares.take(organization, 3).await);
        assert_eq!((share.units(), shares.free()), (4, 4));
        share.keep(9);
        share.keep(3);
        assert_eq!((share.units(), shares.free()), (3, 5));
        drop(share);
        assert_eq!(shares.take(organization, 6).await.units(), 6);
        // More than one organization may have is still had, alone.
        assert_eq!(shares.take(organization, 8).await.units(), 8);
    }

    /// What a future gives without waiting.
    async fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
