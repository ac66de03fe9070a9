// SPDX-License-Identifier: Apache-2.0 OR MIT
// Copyright 2026 The polyvirt authors
//! A whole driver in Rust, without any crate: a hypervisor with one domain, "demo", that can be started and
//! destroyed and exists in memory alone. The declarations come from the development package, made of its C headers.
#![allow(non_camel_case_types, dead_code)]

#[macro_use]
mod abi {
    include!(env!("POLYVIRT_ABI_RS"));
}

use abi::*;
use std::alloc::{alloc, dealloc, Layout};
use std::ffi::CStr;
use std::mem::{size_of, zeroed};
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

pv_manifest!(
    "id: template\n\
     abi: [0, 1]\n\
     provides: [pv.dom.lifecycle/1, pv.dom.config/1]\n\
     needs: [host.build/1, host.call/1, host.event/1, host.registry/1]\n\
     uri: [template]\n\
     kinds: [domain]\n\
     type: TEMPLATE\n"
);

/// What `pv_inst *` points to. All state hangs off it: there may be several instances.
struct Driver {
    host: *mut pv_host,
    build: &'static pv_svc_build,
    call: &'static pv_svc_call,
    event: &'static pv_svc_event,
    registry: &'static pv_svc_registry,
    queue: Mutex<Queue>,
    running: Mutex<bool>, // create and destroy of one domain may meet: destroy is never kept waiting
}
struct Queue(*mut pv_queue);
unsafe impl Send for Queue {}

/// What fails: the wire's code and a text that ends with NUL. Nothing is allocated on the way: Rust's own collections end
/// the process when there is no memory, and the process is the daemon.
struct Failure(i32, &'static str);
type Done = Result<(), Failure>;

const DEMO_UUID: [u8; 16] = [0xde, 0x30, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];

/// What others can ask for in a description makes no difference here.
const XML_FLAGS: i32 = PV_DOMAIN_XML_SECURE | PV_DOMAIN_XML_INACTIVE | PV_DOMAIN_XML_UPDATE_CPU | PV_DOMAIN_XML_MIGRATABLE;

/// A flag that is not known is an error, never ignored.
fn check_flags(flags: u32, known: i32) -> Done {
    match flags & !(known as u32) {
        0 => Ok(()),
        _ => Err(Failure(PV_ERR_INVALID_ARG, "unsupported flags\0")),
    }
}

impl Driver {
    unsafe fn of<'a>(inst: *mut pv_inst) -> &'a Driver {
        &*(inst as *const Driver)
    }

    /// Every slot goes through here: no panic leaves the plugin, and what fails has an error in its call.
    unsafe fn enter(inst: *mut pv_inst, call: *mut pv_call, work: impl FnOnce(&Driver) -> Done) -> pv_status {
        let driver = Driver::of(inst);
        let done = catch_unwind(AssertUnwindSafe(|| work(driver)))
            .unwrap_or(Err(Failure(PV_ERR_INTERNAL_ERROR, "internal error: a panic in the driver\0")));
        match done {
            Ok(()) => PV_OK,
            Err(Failure(code, text)) => {
                let error = pv_error {
                    size: size_of::<pv_error>() as u32,
                    code,
                    level: PV_ERR_ERROR,
                    int1: -1,
                    int2: -1,
                    message: text.as_ptr() as *const c_char,
                    ..zeroed()
                };
                driver.call.error.unwrap()(call, &error);
                PV_FAIL
            }
        }
    }

    /// Starts or stops the domain: first what the registry shows, then the event, both under the domain's lock.
    unsafe fn switch(&self, obj: &pv_obj, on: bool) -> Done {
        let mut running = self.running.lock().unwrap();
        if *running == on {
            return Err(Failure(PV_ERR_OPERATION_INVALID, if on { "domain is already running\0" } else { "domain is not running\0" }));
        }
        *running = on;
        let update = pv_obj_update {
            size: size_of::<pv_obj_update>() as u32,
            what: (PV_UPDATE_ATTRS | PV_UPDATE_STATE | PV_UPDATE_ID) as u32,
            attrs: if on { PV_ATTR_ACTIVE } else { 0 },
            attrs_mask: PV_ATTR_ACTIVE,
            state: if on { PV_DOMAIN_RUNNING } else { PV_DOMAIN_SHUTOFF },
            reason: if on { PV_DOMAIN_RUNNING_BOOTED } else { PV_DOMAIN_SHUTOFF_DESTROYED },
            dom_id: if on { 1 } else { -1 },
            ..zeroed()
        };
        self.registry.update.unwrap()(self.host, obj.handle, &update);
        let what = pv_event_domain_lifecycle {
            size: size_of::<pv_event_domain_lifecycle>() as u32,
            event: if on { PV_DOMAIN_EVENT_STARTED } else { PV_DOMAIN_EVENT_STOPPED },
            detail: if on { PV_DOMAIN_EVENT_STARTED_BOOTED } else { PV_DOMAIN_EVENT_STOPPED_DESTROYED },
            ..zeroed()
        };
        let event = pv_event {
            size: size_of::<pv_event>() as u32,
            kind: PV_KIND_DOMAIN as u32,
            id: PV_EVENT_DOMAIN_LIFECYCLE,
            dom_id: 1,
            object: obj.handle,
            uuid: obj.uuid,
            name: obj.name,
            payload: &what as *const _ as *const c_void,
            ..zeroed()
        };
        self.event.post.unwrap()(self.queue.lock().unwrap().0, &event);
        Ok(())
    }
}

unsafe extern "C" fn dom_create(inst: *mut pv_inst, call: *mut pv_call, obj: *const pv_obj, input: *const pv_dom_create_in,
                                _: *mut pv_dom_create_out) -> pv_status {
    Driver::enter(inst, call, |driver| {
        check_flags((*input).flags, 0)?;
        driver.switch(&*obj, true)
    })
}

unsafe extern "C" fn dom_destroy(inst: *mut pv_inst, call: *mut pv_call, obj: *const pv_obj, input: *const pv_dom_destroy_in,
                                 _: *mut pv_dom_destroy_out) -> pv_status {
    Driver::enter(inst, call, |driver| {
        check_flags((*input).flags, 0)?;
        driver.switch(&*obj, false)
    })
}

unsafe extern "C" fn dom_xml_desc(inst: *mut pv_inst, call: *mut pv_call, obj: *const pv_obj, input: *const pv_dom_xml_desc_in,
                                  out: *mut pv_dom_xml_desc_out) -> pv_status {
    Driver::enter(inst, call, |driver| {
        check_flags((*input).flags, XML_FLAGS)?;
        let name = CStr::from_ptr((*obj).name).to_bytes();
        for part in [b"<domain type='template'>\n  <name>".as_slice(), name, b"</name>\n</domain>\n".as_slice()] {
            if driver.build.write.unwrap()((*out).xml, part.as_ptr() as *const c_void, part.len()) != PV_OK {
                return Err(Failure(PV_ERR_INTERNAL_ERROR, "the description is too long\0"));
            }
        }
        Ok(())
    })
}

/// A table that never changes, which all threads may read.
struct Fixed<T>(T);
unsafe impl<T> Sync for Fixed<T> {}

/// `zeroed()` for statics: all slots that a table does not name.
macro_rules! empty {
    ($t:ty) => {
        unsafe { std::mem::transmute::<[u8; size_of::<$t>()], $t>([0; size_of::<$t>()]) }
    };
}

// A slot that is None is "not supported" for clients.
static LIFECYCLE: Fixed<pv_dom_lifecycle> = Fixed(pv_dom_lifecycle {
    size: size_of::<pv_dom_lifecycle>() as u32,
    create: Some(dom_create),
    destroy: Some(dom_destroy),
    ..empty!(pv_dom_lifecycle)
});
static CONFIG: Fixed<pv_dom_config> =
    Fixed(pv_dom_config { size: size_of::<pv_dom_config>() as u32, xml_desc: Some(dom_xml_desc), ..empty!(pv_dom_config) });

unsafe extern "C" fn get_interface(_: *mut pv_inst, id: *const c_char) -> *const c_void {
    let id = CStr::from_ptr(id);
    if id == PV_IFACE_DOM_LIFECYCLE {
        return &LIFECYCLE.0 as *const pv_dom_lifecycle as *const c_void;
    }
    if id == PV_IFACE_DOM_CONFIG {
        return &CONFIG.0 as *const pv_dom_config as *const c_void;
    }
    null()
}

unsafe extern "C" fn probe(uri: *const c_char, _: i32, out: *mut pv_probe) -> pv_status {
    let uri = CStr::from_ptr(uri).to_bytes();
    if uri == b"template:///default" {
        (*out).score = 100;
        (*out).lifetime = PV_LIFETIME_STATIC as u32;
        std::ptr::copy_nonoverlapping(uri.as_ptr(), (*out).canonical.as_mut_ptr() as *mut u8, uri.len());
        std::ptr::copy_nonoverlapping(b"default".as_ptr(), (*out).instance.as_mut_ptr() as *mut u8, 7);
    }
    PV_OK
}

unsafe extern "C" fn create(host: *mut pv_host, root: *const pv_host_root, _: *const c_char, out: *mut *mut pv_inst) -> pv_status {
    // The manifest has asked for them, so they are there.
    let service = |id: &CStr| (*root).get_service.unwrap()(host, id.as_ptr(), 0);
    let driver = Driver {
        host,
        build: &*(service(PV_SVC_BUILD) as *const pv_svc_build),
        call: &*(service(PV_SVC_CALL) as *const pv_svc_call),
        event: &*(service(PV_SVC_EVENT) as *const pv_svc_event),
        registry: &*(service(PV_SVC_REGISTRY) as *const pv_svc_registry),
        queue: Mutex::new(Queue(null_mut())),
        running: Mutex::new(false),
    };
    let place = alloc(Layout::new::<Driver>()) as *mut Driver;
    if place.is_null() {
        return PV_FAIL;
    }
    place.write(driver);
    *out = place as *mut pv_inst;
    PV_OK
}

// Clients are not served yet. What is published here is what they will find.
unsafe extern "C" fn start(inst: *mut pv_inst, call: *mut pv_call, _: u32) -> pv_status {
    Driver::enter(inst, call, |driver| {
        let queue = driver.event.queue_new.unwrap()(driver.host, b"lifecycle\0".as_ptr() as *const c_char);
        if queue.is_null() {
            return Err(Failure(PV_ERR_NO_MEMORY, "out of memory\0"));
        }
        driver.queue.lock().unwrap().0 = queue;
        let demo = pv_obj_desc {
            size: size_of::<pv_obj_desc>() as u32,
            kind: PV_KIND_DOMAIN as u32,
            name: b"demo\0".as_ptr() as *const c_char,
            uuid: DEMO_UUID,
            dom_id: -1,
            state: PV_DOMAIN_SHUTOFF,
            attrs: PV_ATTR_PERSISTENT,
            ..zeroed()
        };
        let mut handle = 0;
        match driver.registry.publish.unwrap()(driver.host, call, &demo, &mut handle) {
            PV_OK => Ok(()),
            _ => Err(Failure(PV_ERR_INTERNAL_ERROR, "the domain could not be published\0")), // the first error counts: the host's
        }
    })
}

unsafe extern "C" fn stop(inst: *mut pv_inst, _: u32) {
    let driver = Driver::of(inst);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let mut queue = driver.queue.lock().unwrap();
        driver.event.queue_free.unwrap()(std::mem::replace(&mut queue.0, null_mut()));
    }));
}

unsafe extern "C" fn destroy(inst: *mut pv_inst) {
    let driver = (inst as *mut Driver).read();
    dealloc(inst as *mut u8, Layout::new::<Driver>());
    let queue = driver.queue.lock().map(|queue| queue.0).unwrap_or(null_mut());
    if !queue.is_null() {
        driver.event.queue_free.unwrap()(queue); // start() failed after it was made
    }
}

static PLUGIN: Fixed<pv_plugin> = Fixed(pv_plugin {
    size: size_of::<pv_plugin>() as u32,
    abi_minor: 1,
    concurrency: PV_CONCURRENCY_SERIAL_PER_OBJECT as u32,
    id: b"template\0".as_ptr() as *const c_char,
    version: b"0.1\0".as_ptr() as *const c_char,
    build_id: b"\0".as_ptr() as *const c_char,
    probe: Some(probe),
    create: Some(create),
    get_interface: Some(get_interface),
    start: Some(start),
    stop: Some(stop),
    destroy: Some(destroy),
    ..empty!(pv_plugin)
});

#[no_mangle]
pub unsafe extern "C" fn pv_plugin_entry_v1(_: *const pv_host_root, err: *mut c_char, errlen: u32) -> *const pv_plugin {
    if let Some(field) = check_layout() {
        let mut at = 0;
        for byte in field.bytes().chain(*b" does not stand where the host has it\0").take(errlen as usize) {
            *err.add(at) = byte as c_char;
            at += 1;
        }
        return null();
    }
    &PLUGIN.0
}
