//! An operator who writes into rows by hand what no version of the service can read, and mends it a while later.

use choreography_core::{participant::Participant, store::DeferredStatus};

use crate::{
    core::{Core, lock, sleep},
    database::Model,
    probe::Probe,
    replica::Task,
    system::System,
};

const PAUSE: usize = 60;
/// In one of so many looks everything is mended.
const MENDS_ONE_IN: usize = 8;

/// In the rows of deadlines, and in those of deferred events.
pub fn scribbler(system: &System) -> Task {
    let models: Vec<Model<Probe>> = system.services.iter().map(|service| service.handle.model.clone()).collect();
    let core = system.core.clone();
    Task::new(async move {
        while core.has_faults() {
            sleep(&core, core.pick(PAUSE)).await;
            let mends = core.pick(MENDS_ONE_IN) == 0;
            models.iter().for_each(|model| look(&core, model, mends));
        }
    })
}

fn look<P: Participant>(core: &Core, model: &Model<P>, mends: bool) {
    if mends || !core.has_faults() { model.mend() } else { scribble(core, model) }
}

fn scribble<P: Participant>(core: &Core, model: &Model<P>) {
    let mut state = lock(&model.state);
    let deadlines: Vec<_> = state.deadlines.committed().map(|row| row.id).collect();
    let retrying = state.deferred.committed().filter(|row| row.status != DeferredStatus::Parked);
    let deferred: Vec<_> = retrying.map(|row| row.event.number).collect();
    let (deadline, deferred) =
        (deadlines.get(core.pick(deadlines.len())).copied(), deferred.get(core.pick(deferred.len())).copied());
    core.report(|| {
        format!("a database client scribbles in {}: deadline {deadline:?}, deferred event {deferred:?}", model.name())
    });
    state.unreadable.extend(deadline);
    state.scribbled.extend(deferred);
}
