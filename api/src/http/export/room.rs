//! How many exports are written at the same time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::AccountId;

use crate::http::error::ApiError;
use crate::http::problem::Problem;

/// Exports at once. Each holds a page of messages or a piece of a file, a few megabytes at most;
/// more are told to come back.
const AT_ONCE: usize = 8;

/// Room for exports: one for each person, so that nobody takes the room of all others.
#[derive(Default)]
pub(crate) struct Room(Mutex<HashSet<AccountId>>);

/// Somebody's place, until it is dropped.
pub(super) struct Place {
    room: Arc<Room>,
    account: AccountId,
}

impl Room {
    /// A place for `account`.
    ///
    /// # Errors
    ///
    /// When they have one already, or all are taken.
    pub(super) fn enter(self: &Arc<Self>, account: AccountId) -> Result<Place, ApiError> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.contains(&account) {
            return Err(ApiError::of(Problem::ExportUnderWay));
        }
        if taken.len() >= AT_ONCE {
            return Err(ApiError::of(Problem::Overloaded));
        }
        taken.insert(account);
        Ok(Place { room: Arc::clone(self), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.account);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn person(number: usize) -> AccountId {
        AccountId(Uuid::from_u128(number as u128))
    }

    fn refused(entered: Result<Place, ApiError>, problem: Problem) -> bool {
        entered.err().is_some_and(|it| it.is(problem))
    }

    #[test]
    fn a_person_has_one_place() {
        let room = Arc::new(Room::default());
        let place = room.enter(person(1)).unwrap();
        assert!(refused(room.enter(person(1)), Problem::ExportUnderWay));
        assert!(room.enter(person(2)).is_ok());
        drop(place);
        assert!(room.enter(person(1)).is_ok());
    }

    #[test]
    fn all_have_eight() {
        let room = Arc::new(Room::default());
        let mut places: Vec<_> = (1..=8).map(|it| room.enter(person(it)).unwrap()).collect();
        assert!(refused(room.enter(person(9)), Problem::Overloaded));
        places.pop();
        let ninth = room.enter(person(9));
        assert!(ninth.is_ok());
        assert!(refused(room.enter(person(8)), Problem::Overloaded));
    }
}
