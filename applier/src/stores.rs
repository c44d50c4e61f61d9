//! The three stores of a run.

use rustix::fd::OwnedFd;
use state_schema::{Blob, Lifetime, OnSysDataFailure, Persistence, Scope, SlotName};

use crate::blob::BlobFile;
use crate::failure::Account;
use crate::legacy_mount::Stage;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::sys_data::{SysData, SysDataError};
use crate::tmpfs;
use crate::transition::{self, Event, TransitionError};

/// The stores of a run. Without a usable sys-data there is only one.
pub(crate) struct Stores {
    persistent: Result<Persistent, Account>,
    ephemeral: Store,
    event: Event,
    earlier_run: bool,
}

struct Persistent {
    slot: Store,
    common: Store,
}

impl Stores {
    /// Opens sys-data with the slot's state, then the shared tmpfs in the run directory.
    pub(crate) fn open(
        blob: &Blob<'_>,
        slot: SlotName<'_>,
        file: &BlobFile,
        data: Option<&[u8]>,
        run: &OwnedFd,
        stage: Option<&Stage>,
    ) -> Result<Self, Refusal> {
        let opened = open_persistent(blob, slot, file, data);
        let (persistent, event) = match opened {
            Ok((persistent, event)) => (Ok(persistent), event),
            Err(TransitionError::Unusable(account)) => (Err(admit(account, blob)?), Event::Degraded),
            Err(error) => return Err(error.into()),
        };
        let (ephemeral, earlier_run) = tmpfs::open_shared(run, stage)?;
        Ok(Self { persistent, ephemeral, event, earlier_run })
    }

    /// The disk failed: sys-data is not to be trusted with anything.
    pub(crate) fn lose_sys_data(&mut self, account: Account, blob: &Blob<'_>) -> Result<(), Refusal> {
        self.persistent = Err(admit(account, blob)?);
        self.event = Event::Degraded;
        Ok(())
    }

    /// Where entries of this lifetime lie; why they cannot, when that is on an unusable sys-data.
    pub(crate) fn of(&self, lifetime: Lifetime) -> Result<&Store, &Account> {
        match lifetime {
            Lifetime::Ephemeral { .. } => Ok(&self.ephemeral),
            Lifetime::Persistent(Persistence { scope, .. }) => {
                let persistent = self.persistent.as_ref()?;
                Ok(match scope {
                    Scope::Slot => &persistent.slot,
                    Scope::Common => &persistent.common,
                })
            }
        }
    }

    /// Where entries go that cannot be where they should.
    pub(crate) fn ephemeral(&self) -> &Store {
        &self.ephemeral
    }

    pub(crate) fn event(&self) -> Event {
        self.event
    }

    pub(crate) fn sys_data_failure(&self) -> Option<&Account> {
        self.persistent.as_ref().err()
    }

    /// Whether this boot had a run before, whose mounts may be there.
    pub(crate) fn earlier_run(&self) -> bool {
        self.earlier_run
    }
}

fn open_persistent(
    blob: &Blob<'_>,
    slot: SlotName<'_>,
    file: &BlobFile,
    data: Option<&[u8]>,
) -> Result<(Persistent, Event), TransitionError> {
    let sys_data = SysData::open(data, &blob.sys_data()).map_err(|error| match error {
        SysDataError::Unusable(account) => TransitionError::Unusable(account),
        SysDataError::Unknown(account) => TransitionError::UnknownLayout(account),
    })?;
    let (slot, event) = transition::enter(&sys_data, slot, blob, file)?;
    let common = sys_data.common()?;
    Ok((Persistent { slot, common }, event))
}

/// Passes `account` on where the image lets the system run without sys-data.
fn admit(account: Account, blob: &Blob<'_>) -> Result<Account, Refusal> {
    match blob.image().on_sys_data_failure {
        OnSysDataFailure::Degrade => Ok(account),
        OnSysDataFailure::Fail => Err(Refusal::SysData(account)),
    }
}
