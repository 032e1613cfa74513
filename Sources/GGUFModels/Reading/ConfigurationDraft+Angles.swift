import Diagnostics
import Foundation
import GGUF
import JSONText
import Tensors

extension ConfigurationDraft {
  mutating func setAngles() throws(InputError) {
    let base = try keys.number("rope.freq_base") ?? 10_000
    guard base > 0 else { throw keys.mismatch("rope.freq_base", "a number above 0") }
    set("rope_theta", .number(base.description))
    if let sliding = try keys.number("rope.freq_base_swa") {
      set("rope_local_base_freq", .number(sliding.description))
    }
    let rotated = try keys.count("rope.dimension_count", in: 2...1024) ?? headSize
    try setRotated(rotated)
    var scaling = try scaling(base, rotated)
    if let sections = keys["rope.dimension_sections"]?.wholeNumbers {
      if scaling == nil { scaling = ["rope_type": "default"] }
      scaling?.set("mrope_section", .array(sections.prefix(3).map { JSONValue($0) }))
    }
    if let scaling { set("rope_scaling", scaling) }
  }

  private mutating func setRotated(_ rotated: Int) throws(InputError) {
    if terms.names["partial_rotary_factor"] == "rotary_dim" {
      return set("partial_rotary_factor", JSONValue(rotated))
    }
    guard rotated != headSize else { return }
    guard rotated < headSize else {
      throw keys.mismatch("rope.dimension_count", "at most the \(headSize) channels of a head")
    }
    var share = Double(rotated) / Double(headSize)
    if Int(share * Double(headSize)) < rotated { share = share.nextUp }
    set("partial_rotary_factor", JSONValue(share))
  }

  private func number(_ key: String) throws(InputError) -> JSONValue? {
    try keys.number(key).map { .number($0.description) }
  }

  /// The object that speaks of scaled angles; nil for angles that are not.
  private func scaling(_ base: Float, _ rotated: Int) throws(InputError) -> JSONValue? {
    if file.info("rope_factors_long.weight") != nil { return try longRange() }
    let kind = try keys.string("rope.scaling.type") ?? "none"
    switch kind {
    case "none": return try factors(base, rotated)
    case "linear":
      var scaling: JSONValue = ["rope_type": "linear"]
      scaling.set("factor", try number("rope.scaling.factor") ?? 1)
      return scaling
    case "yarn": return try yarn()
    default:
      throw keys.mismatch("rope.scaling.type", "none, linear, yarn or longrope")
    }
  }

  private func original() throws(InputError) -> JSONValue {
    JSONValue(try keys.required("rope.scaling.original_context_length", in: 1...1 << 30))
  }

  private func yarn() throws(InputError) -> JSONValue {
    var scaling: JSONValue = ["rope_type": "yarn"]
    guard let factor = try number("rope.scaling.factor") else {
      throw keys.mismatch("rope.scaling.factor", "a number")
    }
    scaling.set("factor", factor)
    scaling.set("original_max_position_embeddings", try original())
    for (name, key) in RotaryOutline.yarnKeys {
      if let value = try number("rope.scaling.\(key)") { scaling.set(name, value) }
    }
    if !terms.cutsAngles { scaling.set("truncate", false) }
    if let multiplier = try keys.number("rope.scaling.yarn_log_multiplier") {
      // A tenth of what configurations say, but in one architecture.
      let isTenth = !architecture.features.contains(.queryGrowth)
      let scale = isTenth ? (Double(multiplier) * 1e7).rounded() / 1e6 : Double(multiplier)
      for name in ["mscale", "mscale_all_dim"] { scaling.set(name, JSONValue(scale)) }
    }
    if architecture.features.contains(.queryGrowth) {
      scaling.set("llama_4_scaling_beta", try number("attention.temperature_scale") ?? 0)
    }
    return scaling
  }

  private func longRange() throws(InputError) -> JSONValue {
    var scaling: JSONValue = ["rope_type": "longrope"]
    scaling.set("original_max_position_embeddings", try original())
    if let factor = try number("rope.scaling.attn_factor") {
      scaling.set("attention_factor", factor)
    }
    for (name, tensor) in [("short_factor", "short"), ("long_factor", "long")] {
      let numbers = try numbers("rope_factors_\(tensor).weight")
      scaling.set(name, .array(numbers.map { .number($0.description) }))
    }
    return scaling
  }

  /// Divisors in a tensor: Llama 3's way if they follow from its few numbers, else one for each pair of channels.
  private func factors(_ base: Float, _ rotated: Int) throws(InputError) -> JSONValue? {
    let name = "rope_freqs.weight"
    guard file.info(name) != nil else { return nil }
    let numbers = try numbers(name)
    if let scaling = Llama3Angles(numbers, base: Double(base)) { return scaling.json }
    let list: JSONValue = .array(numbers.map { .number($0.description) })
    return [
      "rope_type": "longrope", "short_factor": list, "long_factor": list, "attention_factor": 1,
      "factor": 1,
      "original_max_position_embeddings": JSONValue(
        try keys.required("context_length", in: 1...1 << 30)),
    ]
  }

  /// The positive numbers of a tensor.
  private func numbers(_ name: String) throws(InputError) -> [Float] {
    let numbers = try file.numbers(name).floats()
    guard numbers.count <= 1024, numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw InputError(
        .notFinite, place: "tensor \(quoted(name))",
        "has \(numbers.count) elements, or one that is no number above 0")
    }
    return numbers
  }
}

/// Angles as Llama 3 scales them: long wavelengths are divided by a factor, short ones kept, those between blended.
private struct Llama3Angles {
  let factor: Double
  let original: Int
  private static let (low, high) = (1.0, 4.0)

  /// - Parameter divisors: One for each pair of channels.
  init?(_ divisors: [Float], base: Double) {
    let largest = Double(divisors.max() ?? 1)
    let factor = largest.rounded()
    self.factor = factor
    guard factor > 1, abs(largest - factor) <= 1e-4 * factor else { return nil }
    let waves = (0..<divisors.count).map {
      2 * Double.pi * pow(base, Double($0) / Double(divisors.count))
    }
    let between = divisors.indices.filter {
      Double(divisors[$0]) > 1.001 && Double(divisors[$0]) < 0.999 * factor
    }
    var candidates: [Double] = [8192]
    for index in between {
      let share = (1 / Double(divisors[index]) - 1 / factor) / (1 - 1 / factor)
      candidates.append((waves[index] * (Self.low + share * (Self.high - Self.low))).rounded())
    }
    guard
      let found = candidates.first(where: { original in
        guard original >= 1, original <= 1e9 else { return false }
        return zip(divisors, waves).allSatisfy { divisor, wave in
          let expected = Self.divisor(wave, factor: factor, original: original)
          return abs(Double(divisor) - expected) <= 1e-5 * expected
        }
      })
    else { return nil }
    original = Int(found)
  }

  private static func divisor(_ wave: Double, factor: Double, original: Double) -> Double {
    if wave < original / high { return 1 }
    if wave > original / low { return factor }
    let share = (original / wave - low) / (high - low)
    return 1 / ((1 - share) / factor + share)
  }

  var json: JSONValue {
    [
      "rope_type": "llama3", "factor": JSONValue(factor),
      "low_freq_factor": JSONValue(Self.low), "high_freq_factor": JSONValue(Self.high),
      "original_max_position_embeddings": JSONValue(original),
    ]
  }
}
