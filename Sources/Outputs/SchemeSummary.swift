public import Diagnostics
public import JSONText
public import Quantization

/// What a preset of schemes is, what it takes, and which formats hold it.
public struct SchemeSummary: Sendable, Equatable {
  /// The preset's name.
  public var name: String
  /// What it does to layers.
  public var scheme: QuantizationScheme
  /// Stored bits for each weight of a layer of 4096 by 4096 in the usual format, scales and zero points included; nil for
  /// layers that stay as they are.
  public var bitsPerWeight: Double?
  /// The names of the formats that hold it.
  public var formats: [String]

  /// All presets, those in smaller groups last.
  public static func all() throws(InputError) -> [SchemeSummary] {
    var formats: [FormatSummary] = []
    for format in OutputFormat.checkpoints { formats.append(try FormatSummary(format)) }
    var summaries: [SchemeSummary] = []
    for name in QuantizationScheme.supportedPresets + QuantizationScheme.smallGroupPresets {
      let holdings = formats.compactMap { format in
        format.holdings.first { $0.scheme == name }.map { (format.format.name, $0) }
      }
      summaries.append(
        SchemeSummary(
          name: name, scheme: try .preset(named: name),
          bitsPerWeight: holdings.first?.1.bitsPerWeight, formats: holdings.map(\.0)))
    }
    return summaries
  }

  /// What weights become, in words.
  private var weights: String { scheme.weights.map(\.text) ?? "as they are" }
  /// What the inputs of layers become, in words.
  private var inputs: String { scheme.inputActivations.map(\.text) ?? "as they are" }

  /// A row for each of the presets, but none for those in smaller groups, which are named below.
  package static func lines(_ summaries: [SchemeSummary], width: Int?) -> [String] {
    let small = Set(QuantizationScheme.smallGroupPresets)
    let table = Table(
      header: ["scheme", "weights", "inputs", "bits", "formats"],
      rows: summaries.filter { !small.contains($0.name) }.map { summary in
        [
          summary.name, summary.weights, summary.inputs,
          summary.bitsPerWeight.map(Quantities.decimal) ?? "",
          summary.formats.joined(separator: ", "),
        ]
      })
    let others = summaries.map(\.name).filter(small.contains)
    return table.lines(width: width) + [
      "and in smaller groups: \(QuantizationScheme.inShort(others))"
    ]
  }

  /// The summary as a JSON object.
  public var json: JSONValue {
    [
      "name": .string(name), "weights": .string(weights), "inputs": .string(inputs),
      "bits_per_weight": bitsPerWeight.map { JSONValue($0) } ?? .null,
      "formats": .array(formats.map(JSONValue.string)),
    ]
  }
}
