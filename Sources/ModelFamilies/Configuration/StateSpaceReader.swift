import Diagnostics
import JSONText
import LanguageModels
import Recordings

/// Reads the mixer of Mamba 2 of a configuration, with what families call otherwise.
struct StateSpaceReader {
  let configuration: JSONReader
  /// Columns of what the mixer reads and gives.
  let width: Int
  var module = "mamba"
  /// Channels of all heads.
  var channels = 0
  var headCountKey = "mamba_n_heads"
  var groupCountKey = "mamba_n_groups"
  var stateSizeKey = "mamba_d_state"
  var tapsKey = "mamba_d_conv"
  var convolutionBiasKey = "mamba_conv_bias"
  var inputBiasKey = "mamba_proj_bias"
  var hasOutputBias = false
  /// The lower bound of steps, which have no upper one; nil: both are in `time_step_limit`.
  var leastStep: Float?
  /// What a family means by absent keys.
  var defaults = (headCount: 128, groupCount: 1, stateSize: 256)

  func mixer() throws -> StateSpaceMixer {
    let scan = try scan()
    let inner = channels + 2 * scan.keyHeadCount * scan.keySize
    func stored(_ name: String) -> StoredMatrix { StoredMatrix("\(module).\(name)") }
    return StateSpaceMixer(
      input: LayerSlot(
        "\(module).in_proj", outputs: channels + inner + scan.valueHeadCount, inputs: width,
        hasBias: try configuration.bool(inputBiasKey, default: false)),
      convolution: ConvolutionSlot(
        "\(module).conv1d", columns: inner,
        hasBias: try configuration.bool(convolutionBiasKey, default: true),
        kind: .init(taps: try configuration.taps(tapsKey, default: 4), hasSiLU: true)),
      scan: scan, decay: stored("A_log"), bias: stored("dt_bias"), skip: stored("D"),
      output: LayerSlot(
        "\(module).out_proj", outputs: width, inputs: channels, hasBias: hasOutputBias))
  }

  private func scan() throws -> Scan {
    let heads = try configuration.scanCount(headCountKey, default: defaults.headCount)
    let groups = try configuration.scanCount(groupCountKey, default: defaults.groupCount)
    let state = try configuration.scanSize(stateSizeKey, default: defaults.stateSize)
    func require(_ isRight: Bool, _ key: String, _ message: String) throws {
      guard isRight else { throw InputError(.invalidValue, place: key, message) }
    }
    try require(
      heads % groups == 0, groupCountKey,
      "found \(groups), expected a divisor of \(headCountKey), which is \(heads)")
    try require(
      channels % heads == 0 && channels / heads <= 1024, headCountKey,
      "found \(heads), expected a divisor of the \(channels) channels of the mixer, which gives heads of up to 1024"
    )
    if let size = try configuration.optional("mamba_d_head"), size.value.stringValue != "auto" {
      let size = try size.int(in: 1...1024)
      try require(
        size * heads == channels, "mamba_d_head",
        "found \(size), expected \(channels / heads), as \(heads) heads have \(channels) channels")
    }
    let (least, greatest) = try stepLimits()
    return Scan(
      keyHeadCount: groups, valueHeadCount: heads, keySize: state, valueSize: channels / heads,
      rule: .stateSpace(least: least, greatest: greatest))
  }

  /// The bounds of steps; the upper one may be infinite, which JSON has no number for.
  private func stepLimits() throws -> (least: Float, greatest: Float) {
    if let leastStep { return (leastStep, .infinity) }
    guard let list = try configuration.optional("time_step_limit") else { return (0, .infinity) }
    let limits = try list.elements().map { element in
      let spelling = element.value.stringValue ?? element.value["__float__"]?.stringValue
      return spelling == "Infinity" ? Float.infinity : Float(try element.double())
    }
    guard limits.count == 2, limits[0] <= limits[1] else {
      throw list.mismatch("two numbers, the lower bound first")
    }
    return (limits[0], limits[1])
  }

  /// A norm of each group's channels, with one weight for all of them.
  func norm(_ scan: Scan, epsilon: Float) -> NormSlot {
    var norm = NormSlot(
      "\(module).norm", columns: channels, groupSize: channels / scan.keyHeadCount,
      epsilon: epsilon)
    norm.weightSize = channels
    return norm
  }
}

extension JSONReader {
  /// The taps of a convolution.
  func taps(_ key: String, default value: Int) throws -> Int {
    try optional(key)?.int(in: 1...CausalConvolution.tapLimit) ?? value
  }

  /// How many heads a scan has.
  func scanCount(_ key: String, default value: Int) throws -> Int {
    try optional(key)?.int(in: 1...4096) ?? value
  }

  /// Channels of a head of a scan.
  func scanSize(_ key: String, default value: Int) throws -> Int {
    try optional(key)?.int(in: 1...1024) ?? value
  }
}
