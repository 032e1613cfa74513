import Checkpoints
public import Diagnostics
public import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors
public import Verification

/// What a format holds of the presets of schemes, and what loads them: found by planning a layer in each.
public struct FormatSummary: Sendable, Equatable {
  /// A preset that the format holds.
  public struct Holding: Sendable, Equatable {
    /// The preset's name.
    public var scheme: String
    /// Stored bits for each weight of a layer of 4096 by 4096, scales and zero points included.
    public var bitsPerWeight: Double
    /// The programs that serve such checkpoints, and whether they load it.
    public var runtimes: [RuntimeSupport]
  }

  /// The format.
  public var format: OutputFormat
  /// What it holds, in the order of the presets.
  public var holdings: [Holding] = []
  /// The presets that it cannot hold.
  public var refusals: [Refusal] = []

  /// A preset that the format cannot hold.
  public struct Refusal: Sendable, Equatable {
    /// The preset's name.
    public var scheme: String
    /// What was found, and what the format holds.
    public var reason: String
  }

  /// Plans a layer in each preset.
  public init(_ format: OutputFormat) throws(InputError) {
    self.format = format
    for name in QuantizationScheme.supportedPresets + QuantizationScheme.smallGroupPresets {
      let scheme = try QuantizationScheme.preset(named: name)
      guard scheme.weights != nil else { continue }
      do throws(InputError) {
        holdings.append(try Self.holding(of: scheme, named: name, in: format))
      } catch {
        refusals.append(Refusal(scheme: name, reason: error.message))
      }
    }
  }

  private static func holding(
    of scheme: QuantizationScheme, named name: String, in format: OutputFormat
  ) throws(InputError) -> Holding {
    let layer = "model.layers.0.mlp.up_proj"
    let side = 4096
    let family = try format.family(of: [layer: scheme], offeringOthers: false)
    let outline = try family.outline(
      of: ["model_type": "llama", "architectures": ["LlamaForCausalLM"]],
      tensors: [TensorInfo(name: "\(layer).weight", dtype: .bfloat16, shape: [side, side])],
      modules: [ModuleDescription(name: layer, shape: [side, side])], schemes: [layer: scheme],
      keyValues: nil)
    let verification = VerificationReport(
      planned: outline.configuration, layers: [layer: ([side, side], true)],
      tensors: outline.tensors.planned)
    return Holding(
      scheme: name, bitsPerWeight: Double(8 * outline.weightByteCount) / Double(side * side),
      runtimes: verification.runtimes)
  }

  /// A row for each scheme that it holds, but one for all in smaller groups, and a line for each reason why it does not
  /// hold others.
  package func lines(width: Int?) -> [String] {
    let small = Set(QuantizationScheme.smallGroupPresets)
    let inSmallGroups = holdings.map(\.scheme).filter(small.contains)
    let table = Table(
      header: ["scheme", "bits", "loaded by"],
      rows: holdings.filter { !small.contains($0.scheme) }.map { holding in
        [
          holding.scheme, Quantities.decimal(holding.bitsPerWeight),
          holding.runtimes.filter(\.isLoading).map(\.name).joined(separator: ", "),
        ]
      })
    var reasons: [(reason: String, schemes: [String])] = []
    for refusal in refusals {
      // What was found differs from scheme to scheme.
      let short = refusal.reason.split(separator: ", ").drop { !$0.hasPrefix("expected") }
        .joined(separator: ", ")
      if let index = reasons.firstIndex(where: { $0.reason == short }) {
        reasons[index].schemes.append(refusal.scheme)
      } else {
        reasons.append((short, [refusal.scheme]))
      }
    }
    return table.lines(width: width)
      + (inSmallGroups.isEmpty ? [] : ["and \(QuantizationScheme.inShort(inSmallGroups))"])
      + reasons.map { "not \(QuantizationScheme.inShort($0.schemes)): \($0.reason)" }
  }

  /// The summary as a JSON object.
  public var json: JSONValue {
    [
      "name": .string(format.name), "summary": .string(format.summary),
      "schemes": .array(
        holdings.map {
          [
            "scheme": .string($0.scheme), "bits_per_weight": JSONValue($0.bitsPerWeight),
            "runtimes": .array($0.runtimes.map(\.json)),
          ]
        }),
      "refused": .array(
        refusals.map { ["scheme": .string($0.scheme), "reason": .string($0.reason)] }),
    ]
  }
}
