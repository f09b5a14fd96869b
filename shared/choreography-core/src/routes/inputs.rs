//! Events, commands and replies of any type, as the engine carries them.

use std::{any::Any, fmt};

use crate::{Command, Event, EventType, Key};

pub(super) trait Erased: Any + fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Any + fmt::Debug + Send + Sync> Erased for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// An event that was decoded.
pub struct AnyEvent {
    /// Its type.
    pub event_type: EventType,
    /// What it is about.
    pub aggregate_id: String,
    event: Box<dyn Erased>,
}

impl AnyEvent {
    /// Wraps an event.
    pub fn new<E: Event>(event: E) -> Self {
        Self { event_type: E::TYPE, aggregate_id: event.aggregate_id(), event: Box::new(event) }
    }

    /// The event, if it is one of this type.
    pub fn get<E: Event>(&self) -> Option<&E> {
        (*self.event).as_any().downcast_ref()
    }

    pub(super) fn any(&self) -> &dyn Any {
        (*self.event).as_any()
    }
}

impl fmt::Debug for AnyEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.event.fmt(formatter)
    }
}

/// A command of any type.
pub struct AnyCommand {
    /// The key of its row.
    pub key: Key,
    command: Box<dyn Erased>,
}

impl AnyCommand {
    /// Wraps a command.
    pub fn new<C: Command>(command: C) -> Self {
        Self { key: command.key(), command: Box::new(command) }
    }

    /// The command, if it is one of this type.
    pub fn get<C: Command>(&self) -> Option<&C> {
        self.any().downcast_ref()
    }

    /// What it says; a key that was minted for it is left out.
    pub(super) fn text(&self) -> String {
        let text = format!("{:?}", self.command);
        match &self.key {
            Key::Fresh(minted) => text.replace(minted.as_str(), ""),
            Key::Of(_) => text,
        }
    }

    pub(super) fn any(&self) -> &dyn Any {
        (*self.command).as_any()
    }
}

impl fmt::Debug for AnyCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(formatter)
    }
}

/// The reply to a command of any type.
pub struct AnyReply(Box<dyn Erased>);

impl AnyReply {
    /// Wraps a reply.
    pub fn new<R: Any + fmt::Debug + Send + Sync>(reply: R) -> Self {
        Self(Box::new(reply))
    }

    /// The reply, if it is one of this type.
    pub fn take<R: Any>(self) -> Option<R> {
        self.0.into_any().downcast().ok().map(|reply| *reply)
    }
}

impl fmt::Debug for AnyReply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
