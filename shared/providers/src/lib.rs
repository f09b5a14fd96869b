//! How services call their providers: who takes money, parcels or messages, under an idempotency key.
//!
//! A service declares its request and how the answer reads ([`Request`]), and which provider it calls ([`Provided`], which names its
//! settings). The rest stands here once: the client ([`RestClient`], [`HttpProvider`]), the line between an answer and none
//! ([`ProviderError`]), and asking before sending again ([`Calls`]). What a provider must speak is described in
//! `services/sandbox/README.md`.

mod calls;
mod client;
mod provider;
mod provider_error;
mod request;
mod response;
mod settings;
mod setup;

pub use calls::Calls;
pub use client::RestClient;
pub use provider::{HttpProvider, KeyedProvider};
pub use provider_error::ProviderError;
pub use request::{Reads, Request};
pub use settings::{Provided, ProviderSettings};
pub use setup::{Limits, SetupError};
