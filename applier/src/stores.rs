//! The three stores of a run.

use rustix::fd::OwnedFd;
use state_schema::{Lifetime, OnSysDataFailure, Persistence, Scope, SlotName};

use crate::arguments::DataPlace;
use crate::blob::BlobFile;
use crate::boots::{Boot, Boots, Record};
use crate::failure::{Account, Failure};
use crate::legacy_mount::Stage;
use crate::refusal::Refusal;
use crate::report::RunDir;
use crate::seed::Seeder;
use crate::store::Store;
use crate::sys_data::{SysData, SysDataError};
use crate::tmpfs::Shared;
use crate::transition::{self, Entered, Told, TransitionError};

/// The stores of a run. Without a usable sys-data there is only one.
pub(crate) struct Stores {
    persistent: Result<Persistent, Account>,
    ephemeral: Store,
    earlier_run: bool,
}

struct Persistent {
    slot: Store,
    common: Store,
    boots: Boots,
    entered: Entered,
}

/// What the stores are opened for.
pub(crate) struct Opening<'o, 'a> {
    /// Where sys-data is.
    pub(crate) data: DataPlace<'o>,
    pub(crate) slot: SlotName<'a>,
    /// The blob that boots.
    pub(crate) file: &'o BlobFile,
    /// Has that blob decoded.
    pub(crate) seeder: &'o Seeder<'o, 'a>,
    pub(crate) told: Told,
}

impl Stores {
    /// Opens sys-data with the slot's state, then the shared tmpfs in the run directory.
    pub(crate) fn open(
        opening: &Opening<'_, '_>,
        run: &OwnedFd,
        shared: Shared,
        stage: Option<&Stage>,
    ) -> Result<Self, Refusal> {
        let earlier_run = shared.is_mounted();
        let persistent = match open_persistent(opening, earlier_run) {
            Ok(persistent) => Ok(persistent),
            Err(TransitionError::Unusable(account)) => Err(admit(account, opening.seeder)?),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { persistent, ephemeral: shared.open(run, stage)?, earlier_run })
    }

    /// The disk failed: sys-data is not to be trusted with anything.
    pub(crate) fn lose_sys_data(&mut self, account: Account, seeder: &Seeder<'_, '_>) -> Result<(), Refusal> {
        self.persistent = Err(admit(account, seeder)?);
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

    /// The state that the slot goes on with; why there is none.
    pub(crate) fn entered(&self) -> Result<&Entered, &Account> {
        self.persistent.as_ref().map(|persistent| &persistent.entered)
    }

    /// Whether this boot had a run before, whose mounts may be there.
    pub(crate) fn earlier_run(&self) -> bool {
        self.earlier_run
    }

    /// Writes to the log that the slot runs with its state, if there is any, and notes in `run` that it is there.
    pub(crate) fn log(&self, slot: SlotName<'_>, image_id: &str, run: &RunDir) -> Result<(), Failure> {
        let Ok(Persistent { boots, entered, .. }) = &self.persistent else { return Ok(()) };
        let previous = entered.previous.as_ref().and_then(Record::boot);
        boots.write(&Boot {
            number: entered.number,
            slot: slot.as_str().as_bytes(),
            state: entered.state,
            event: entered.event.as_bytes(),
            previous: previous.map(|boot| boot.slot),
            image_id: image_id.as_bytes(),
        })?;
        run.set_told()
    }
}

fn open_persistent(opening: &Opening<'_, '_>, earlier_run: bool) -> Result<Persistent, TransitionError> {
    let Opening { data, slot, file, seeder, told } = *opening;
    let sys_data = SysData::open(data, &seeder.blob().sys_data()).map_err(|error| match error {
        SysDataError::Unusable(account) => TransitionError::Unusable(account),
        SysDataError::Unknown(account) => TransitionError::UnknownLayout(account),
    })?;
    let common = sys_data.common()?;
    if let Some(boots) = Boots::open(common.base())?
        && let Some(entered) = transition::resume(&sys_data, slot, file, &boots, told)?
    {
        return persistent(&sys_data, common, boots, entered);
    }
    go_on(opening, &sys_data, common, earlier_run)
}

fn persistent(
    sys_data: &SysData,
    common: Store,
    boots: Boots,
    entered: Entered,
) -> Result<Persistent, TransitionError> {
    let slot = sys_data.slot_store(&entered.dir)?;
    Ok(Persistent { slot, common, boots, entered })
}

/// What to go on with where it is not simply what was there.
#[cfg(feature = "system")]
fn go_on(
    opening: &Opening<'_, '_>,
    sys_data: &SysData,
    common: Store,
    earlier_run: bool,
) -> Result<Persistent, TransitionError> {
    let Opening { slot, file, seeder, told, .. } = *opening;
    let boots = Boots::ensure(&common)?;
    let entered = crate::succession::succeed(sys_data, slot, file, seeder, &boots, told, earlier_run)?;
    persistent(sys_data, common, boots, entered)
}

#[cfg(not(feature = "system"))]
fn go_on(_: &Opening<'_, '_>, _: &SysData, _: Store, _: bool) -> Result<Persistent, TransitionError> {
    Err(TransitionError::NotResumed)
}

/// Passes `account` on where the image lets the system run without sys-data.
fn admit(account: Account, seeder: &Seeder<'_, '_>) -> Result<Account, Refusal> {
    match seeder.blob().image().on_sys_data_failure {
        OnSysDataFailure::Degrade => Ok(account),
        OnSysDataFailure::Fail => Err(Refusal::SysData(account)),
    }
}
