public import Diagnostics
import GGUF
import Quantization
import QuantizedCheckpoints

/// What a checkpoint can be converted to.
public struct ConversionFormat: NamedFormat {
  /// What it is asked for by.
  public let name: String
  let kind: Kind

  /// Who writes it.
  enum Kind: Equatable {
    /// A format whose layouts are chosen by the schemes of the layers.
    case format(OutputFormat)
    /// A certain layout of compressed-tensors for all layers, or `dense` for weights as numbers.
    case layout(CompressionFormat)
    /// A file of llama.cpp.
    case gguf(GGUFFileType)
  }

  private init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }

  /// All that can be asked for.
  public static let all: [ConversionFormat] =
    OutputFormat.checkpoints.map { ConversionFormat($0.name, .format($0)) }
    + CompressionFormat.allCases.filter { $0 != .mixedPrecision }.map {
      ConversionFormat($0.rawValue, .layout($0))
    } + GGUFFileType.allCases.map(gguf)

  static func gguf(_ type: GGUFFileType) -> ConversionFormat {
    ConversionFormat("gguf:\(type.name)", .gguf(type))
  }

  /// How a layer is stored here, as far as the format says so.
  func storing(_ scheme: QuantizationScheme) -> QuantizationScheme {
    var scheme = scheme
    if case .layout(let layout) = kind { scheme.format = layout } else { scheme.format = nil }
    return scheme
  }

  /// The family that stores layers in this format.
  ///
  /// - Precondition: It is one of quantized checkpoints.
  /// - Throws: `unsupported` for a layer that it cannot hold.
  func family(
    of schemes: [String: QuantizationScheme]
  ) throws(InputError) -> any CheckpointFamily {
    switch kind {
    case .format(let format): try format.family(of: schemes)
    case .layout: try OutputFormat.compressedTensors.family(of: schemes)
    case .gguf: preconditionFailure("a file of llama.cpp is no checkpoint")
    }
  }

  /// The format of a name.
  ///
  /// - Throws: `InputError` that lists the formats.
  public init(named name: String) throws(InputError) {
    self = try Self.find(name)
  }
}
