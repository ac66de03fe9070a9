// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The polyvirt authors
// Sound devices and what plays them.

#include "command/builder.h"

namespace polyvirt::qemu {
namespace {

using namespace sdk::domain;

void set(Options& o, const char* name, YesNo v) {
    if (v != YesNo::unset) o[name] = v == YesNo::yes;
}
void set(Options& o, const char* name, const Number& v) {
    if (v) o[name] = *v;
}
void set(Options& o, const char* name, const std::string& v) {
    if (!v.empty()) o[name] = v;
}

Options stream(const AudioStream& s) {
    Options o = Options::object();
    set(o, "mixing-engine", s.mixing_engine);
    set(o, "fixed-settings", s.fixed_settings);
    set(o, "voices", s.voices);
    set(o, "buffer-length", s.buffer_length);
    set(o, "frequency", s.frequency);
    set(o, "channels", s.channels);
    set(o, "format", s.format);
    set(o, "dev", s.dev);
    set(o, "buffer-count", s.buffer_count);
    set(o, "try-poll", s.try_poll);
    set(o, "name", s.name);
    set(o, "stream-name", s.stream_name);
    set(o, "latency", s.latency);
    set(o, "server-name", s.server_name);
    set(o, "client-name", s.client_name);
    set(o, "connect-ports", s.connect_ports);
    set(o, "exact-name", s.exact_name);
    return o;
}

constexpr std::pair<std::string_view, std::string_view> kBackends[] = {{"pulseaudio", "pa"}, {"file", "wav"}};

constexpr std::pair<std::string_view, std::string_view> kCards[] = {
    {"es1370", "ES1370"}, {"ac97", "AC97"}, {"ich6", "intel-hda"}, {"ich9", "ich9-intel-hda"}, {"sb16", "sb16"}, {"usb", "usb-audio"}};

} // namespace

std::string audio_of(const Builder& b, const AudioRef& ref) {
    if (ref.id) return fmt::format("audio{}", *ref.id);
    const auto& audios = b.domain.devices.audios;
    return audios.empty() ? std::string() : fmt::format("audio{}", audios.front().id.value_or(1));
}

void add_audios(Builder& b) {
    for (const Audio& a : b.domain.devices.audios) {
        std::string_view driver = a.type.empty() ? "none" : std::string_view(a.type);
        for (const auto& [document, emulator] : kBackends) {
            if (a.type == document) driver = emulator;
        }
        // What is behind SDL its library learns from the environment alone.
        if (a.type == "sdl" && !a.driver.empty()) b.line.env.push_back("SDL_AUDIODRIVER=" + a.driver);
        Options o{{"id", fmt::format("audio{}", a.id.value_or(1))}, {"driver", driver}};
        set(o, "timer-period", a.timer_period);
        set(o, "server", a.server_name);
        set(o, "path", a.path);
        if (!a.try_mmap.empty()) o["try-mmap"] = a.try_mmap == "yes";
        if (!a.exclusive.empty()) o["exclusive"] = a.exclusive == "yes";
        set(o, "dsp-policy", a.dsp_policy);
        if (Options in = stream(a.input); !in.empty()) o["in"] = std::move(in);
        if (Options out = stream(a.output); !out.empty()) o["out"] = std::move(out);
        b.json("-audiodev", o);
    }
}

Status add_sounds(Builder& b) {
    for (const Sound& s : b.domain.devices.sounds) {
        if (s.model == "pcspk") continue; // a property of the board
        std::string_view driver;
        for (const auto& [model, found] : kCards) {
            if (s.model == model) driver = found;
        }
        if (driver.empty())
            return Builder::unsupported("sound card model '{}' is not supported by qemu", s.model);
        const bool hda = s.model == "ich6" || s.model == "ich9";
        const std::string audio = audio_of(b, s.audio);
        Options o{{"driver", driver}, {"id", s.info.alias.name}};
        if (!hda && !audio.empty()) o["audiodev"] = audio;
        if (s.multichannel != OnOff::unset && s.model == "usb") o["multi"] = s.multichannel == OnOff::on;
        b.add_pci(o, s.info);
        b.add_usb(o, s.info);
        b.device(o);
        if (!hda) continue;
        std::vector<SoundCodec> codecs = s.codecs;
        if (codecs.empty()) codecs.push_back({"duplex"});
        std::size_t n = 0;
        for (const SoundCodec& codec : codecs) {
            Options c{{"driver", "hda-" + codec.type},
                      {"id", fmt::format("{}-codec{}", s.info.alias.name, n)},
                      {"bus", s.info.alias.name + ".0"},
                      {"cad", n}};
            if (!audio.empty()) c["audiodev"] = audio;
            b.device(c);
            n++;
        }
    }
    return {};
}

} // namespace polyvirt::qemu
