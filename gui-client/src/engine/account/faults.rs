use std::time::Instant;

use super::{Failed, OpenAccount};
use crate::engine::{
    Event, Fault, FaultNews,
    net::{Input, Leaving, Written},
    wire::Side,
};

/// Disturbs the link as the person asks for, while the inspector is open.
impl OpenAccount {
    /// Begins with a fault; `None`: ends all.
    pub(in crate::engine) fn disturb(&mut self, fault: Option<Fault>) -> Result<(), Failed> {
        // Asked for before the window knew that nobody looks any more.
        if self.tap.is_none() {
            return Ok(());
        }
        match fault {
            None => return self.end_faults(),
            Some(Fault::Cut) if self.machine.is_online() => {
                self.inspect_fault(FaultNews::Cut);
                self.connection = None;
                return self.handle(Instant::now(), Input::Reset);
            }
            Some(Fault::Hold(time)) if self.machine.is_online() => {
                self.faults.hold(Instant::now(), time);
                self.inspect_fault(FaultNews::Held(time));
            }
            Some(Fault::Cut | Fault::Hold(_)) => {}
            Some(Fault::NextMessage(fault)) => self.faults.arm(fault),
        }
        self.tell_faults();
        Ok(())
    }

    /// Everything passes again, and nothing of it is lost.
    pub(super) fn end_faults(&mut self) -> Result<(), Failed> {
        let now = Instant::now();
        let was_held = self.faults.active().held_until.is_some();
        self.faults.end(now);
        if was_held {
            self.inspect_fault(FaultNews::Released);
        }
        self.handle(now, Input::Timer)
    }

    /// Lets pass what has waited for its time. False: the connection does not take it.
    pub(super) fn go_on_with_faults(&mut self) -> bool {
        let now = Instant::now();
        if self.faults.is_released(now) {
            self.inspect_fault(FaultNews::Released);
        }
        let is_due = self.faults.deadline().is_none_or(|at| at <= now);
        !is_due || self.let_leave()
    }

    /// False: nothing of it can be written.
    pub(super) fn write(&mut self, bytes: Vec<u8>) -> bool {
        let Ok(written) = self.faults.write(bytes) else {
            return false;
        };
        let now = Instant::now();
        for Written { bytes, fault } in written {
            self.inspect_bytes(now, Side::Client, &bytes);
            if let Some(fault) = fault {
                self.inspect_fault(FaultNews::Message(fault));
            }
        }
        self.let_leave()
    }

    /// Gives the connection what may leave now. False: it does not take it.
    pub(super) fn let_leave(&mut self) -> bool {
        let leaving = self.faults.leaving(Instant::now());
        let Some(connection) = &self.connection else {
            return true;
        };
        leaving.into_iter().all(|leaving| match leaving {
            Leaving::Bytes(bytes) => connection.write(bytes),
            Leaving::End => {
                connection.finish_writing();
                true
            }
        })
    }

    /// What the server has just said may be lost, with the connection.
    pub(super) fn lose_answer<'a>(&mut self, input: Input<'a>) -> Input<'a> {
        if !matches!(input, Input::Bytes(_)) || !self.faults.loses_answer() {
            return input;
        }
        self.inspect_fault(FaultNews::Cut);
        self.inspect_input(Instant::now(), &Input::Reset);
        self.connection = None;
        Input::Reset
    }

    pub(super) fn tell_faults(&mut self) {
        let active = self.faults.active();
        if active != self.told_faults {
            self.told_faults = active;
            self.tell.event(Event::Faults(active));
        }
    }
}
