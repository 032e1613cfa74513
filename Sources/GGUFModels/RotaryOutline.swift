import Diagnostics
import Foundation
import GGUF
import JSONText
import LanguageModels

/// What metadata say of angles, and the tensors with factors on them.
struct RotaryOutline {
  /// Keys without the architecture's name.
  private(set) var keys: [(key: String, value: GGUFValue)] = []
  /// Names of tensors, with their numbers.
  private(set) var factors: [(name: String, numbers: [Float])] = []

  private let architecture: GGUFArchitecture

  init(_ facts: ModelFacts, _ architecture: GGUFArchitecture) throws(InputError) {
    self.architecture = architecture
    guard let rotary = facts.rotary else { return }
    let parameters = try facts.rotaryParameters()
    let kind = try parameters?.optional("rope_type", "type")?.string()
    let readers = [parameters, facts.configuration].compactMap(\.self)
    let given = try readers.firstOptional("rope_theta")?.double()
    if let longRange = rotary.longRange {
      try readLongRange(rotary, longRange, facts, base: given ?? 10_000)
    } else if kind == "yarn", let parameters {
      try readYarn(parameters, facts, base: given ?? 10_000)
    } else if let turn = GeometricAngles(rotary.inverseFrequencies, base: given) {
      if turn.divisor != 1 {
        add("scaling.type", .string("linear"))
        add("scaling.factor", .float32(turn.divisor))
      }
      add("freq_base", .float32(turn.base))
    } else {
      try readFactors(rotary, base: given ?? 10_000, place: parameters?.path)
    }
    guard let sliding = facts.slidingRotary, kind != "yarn" else { return }
    guard let turn = GeometricAngles(sliding.inverseFrequencies, base: nil), turn.divisor == 1
    else { throw unsupported("scaled angles in blocks with a window", parameters?.path) }
    add("freq_base_swa", .float32(turn.base))
  }

  private mutating func add(_ key: String, _ value: GGUFValue) {
    keys.append(("rope.\(key)", value))
  }

  private func unsupported(_ what: String, _ place: String?) -> InputError {
    InputError(
      .unsupported, place: place,
      "found \(what), which llama.cpp does not have for models of the architecture "
        + architecture.name)
  }

  /// A factor for each pair of channels: Llama 3's way.
  private mutating func readFactors(
    _ rotary: RotarySettings, base: Double, place: String?
  ) throws(InputError) {
    guard architecture.readsRotaryFactors else {
      throw unsupported("angles that are scaled by factors", place)
    }
    add("freq_base", .float32(Float(base)))
    var numbers = Self.factors(rotary.inverseFrequencies, base: base)
    if architecture.hasStillPairs { numbers = numbers.map { $0.isFinite ? $0 : 1e30 } }
    guard numbers.allSatisfy(\.isFinite) else {
      throw unsupported("angles that do not turn", place)
    }
    factors.append(("rope_freqs.weight", numbers))
  }

  private static func factors(_ frequencies: [Double], base: Double) -> [Float] {
    frequencies.enumerated().map { index, frequency in
      Float(pow(base, -Double(index) / Double(frequencies.count)) / frequency)
    }
  }

  private mutating func readLongRange(
    _ rotary: RotarySettings, _ longRange: RotarySettings.LongRange, _ facts: ModelFacts,
    base: Double
  ) throws(InputError) {
    add("scaling.type", .string("longrope"))
    add(
      "scaling.original_context_length",
      try KeyRule.whole(longRange.after, "original_max_position_embeddings"))
    add("freq_base", .float32(Float(base)))
    add("scaling.attn_factor", .float32(Float(rotary.factor)))
    factors += [
      ("rope_factors_long.weight", Self.factors(longRange.inverseFrequencies, base: base)),
      ("rope_factors_short.weight", Self.factors(rotary.inverseFrequencies, base: base)),
    ]
  }

  /// Keys of configurations with those of files that have the same numbers.
  static let yarnKeys = [
    ("extrapolation_factor", "yarn_ext_factor"), ("attention_factor", "yarn_attn_factor"),
    ("beta_fast", "yarn_beta_fast"), ("beta_slow", "yarn_beta_slow"),
  ]

  private mutating func readYarn(
    _ parameters: JSONReader, _ facts: ModelFacts, base: Double
  ) throws(InputError) {
    add("scaling.type", .string("yarn"))
    add("scaling.factor", .float32(try parameters.required("factor").float32()))
    let key = "original_max_position_embeddings"
    let original = try [parameters, facts.configuration].firstOptional(key)?.int(in: 1...1 << 30)
    add(
      "scaling.original_context_length",
      try KeyRule.whole(original ?? facts.model.positionLimit, key))
    for (name, key) in Self.yarnKeys {
      guard let value = try parameters.optional(name)?.float32() else { continue }
      add("scaling.\(key)", .float32(value))
    }
    add("freq_base", .float32(Float(base)))
  }
}

/// Angles that fall from pair to pair by the same factor, from one over a divisor on.
private struct GeometricAngles {
  var base: Float
  var divisor: Float

  /// - Parameter base: The one that a configuration names; nil: what follows from the frequencies.
  init?(_ frequencies: [Double], base given: Double?) {
    guard let first = frequencies.first, first > 0 else { return nil }
    let count = Double(frequencies.count)
    var base = given
    func fits(_ base: Double) -> Bool {
      frequencies.enumerated().allSatisfy { index, frequency in
        let expected = first * pow(base, -Double(index) / count)
        return abs(frequency - expected) <= 1e-9 * expected
      }
    }
    if base.map(fits) != true {
      guard frequencies.count > 1, let last = frequencies.last, last > 0 else { return nil }
      base = pow(first / last, count / (count - 1))
    }
    guard let base, fits(base) else { return nil }
    (self.base, divisor) = (Float(base), Float(1 / first))
  }
}
