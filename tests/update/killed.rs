//! Boots that end anywhere.

use state_tests::scene::Scene;
use state_tests::tracer::{Action, Call, Watch, trace};

/// Kills the program at a call of this name.
struct Killer {
    name: &'static str,
    /// How many of them are to go before.
    left: usize,
}

impl Watch for Killer {
    fn enter(&mut self, call: &Call) -> Action {
        if call.number().name() != self.name {
            return Action::Pass;
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Action::Kill } else { Action::Pass }
    }
}

/// Boots, and kills the program where it is about to make its call of this name for the `nth` time. Says whether it came to that.
pub(crate) fn kill_at(scene: &Scene, name: &'static str, nth: usize) -> bool {
    trace(&mut scene.command(), &mut Killer { name, left: nth }).status.is_none()
}
