//! A provider of any type, behind one. The engine's loops know it by this type, so their code is compiled once, with the engine,
//! and not again with each service.

use choreography_core::{
    calls::{CallError, Provider},
    participant::Answer,
    store::PendingCall,
};
use chrono::TimeDelta;
use futures::{FutureExt, future::BoxFuture};

/// Any provider.
pub(crate) struct AnyProvider(Box<dyn Erased>);

trait Erased: Send + Sync {
    fn call<'a>(&'a self, call: &'a PendingCall, age: TimeDelta) -> BoxFuture<'a, Result<Answer, CallError>>;
    fn steps(&self) -> Option<Vec<&'static str>>;
}

impl<T: Provider> Erased for T {
    fn call<'a>(&'a self, call: &'a PendingCall, age: TimeDelta) -> BoxFuture<'a, Result<Answer, CallError>> {
        Provider::call(self, call, age).boxed()
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        Provider::steps(self)
    }
}

impl AnyProvider {
    pub fn new(provider: impl Provider) -> Self {
        Self(Box::new(provider))
    }
}

impl Provider for AnyProvider {
    async fn call(&self, call: &PendingCall, age: TimeDelta) -> Result<Answer, CallError> {
        self.0.call(call, age).await
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        self.0.steps()
    }
}
