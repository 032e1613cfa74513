public import JSONText
public import Tensors

/// What a checkpoint is, without computing anything with it.
public struct CheckpointSummary: Sendable, Equatable {
  /// The folder.
  public var folder: String
  /// The architecture that the configuration names, such as `LlamaForCausalLM`.
  public var architecture: String
  /// The structure of the model; nil if its architecture is not one that this package computes.
  public var structure: Structure?
  /// Why there is no ``structure``.
  public var unsupportedReason: String?
  /// Weights in all tensors; those of quantized layers as many as they stand for.
  public var parameterCount: Int
  /// Tensors in all files.
  public var tensorCount: Int
  /// Bytes of all tensors.
  public var byteCount: Int
  /// Bytes of the tensors of each type, the most first.
  public var bytesByType: [TypeShare]
  /// How the checkpoint is quantized; nil if it is not.
  public var quantization: Quantization?
  /// What the file holds, of a model that is one file of llama.cpp.
  public var file: FileContents?
  /// The tokenizer beside the model, or nil if there is none that can be read.
  public var tokenizer: TokenizerSummary?
  /// Why there is no ``tokenizer``.
  public var tokenizerProblem: String?

  /// The sizes of a decoder-only model.
  public struct Structure: Sendable, Equatable {
    /// Decoder blocks.
    public var blockCount: Int
    /// Columns of a block's input and output.
    public var hiddenSize: Int
    /// Rows of the embedding.
    public var vocabularySize: Int
    /// Tokens of the longest sequence that the model was made for.
    public var positionLimit: Int
    /// Whether the embedding serves as the head as well.
    public var hasTiedHead: Bool
  }

  /// The tensors of one type.
  public struct TypeShare: Sendable, Equatable {
    /// The type.
    public var dtype: DType
    /// Bytes of its tensors.
    public var byteCount: Int
  }

  /// How a checkpoint is quantized.
  public struct Quantization: Sendable, Equatable {
    /// `quant_method` of the configuration, such as `compressed-tensors`.
    public var method: String
    /// The groups of layers; empty for methods whose files this package does not read.
    public var groups: [Group]
    /// Linear layers that were left as they are, as the configuration lists them.
    public var ignored: [String]
    /// How keys and values are quantized, in words; nil if they are not.
    public var keysAndValues: String?
    /// The type in which the weights are read, of a checkpoint that can be quantized although it is stored in small
    /// floats; nil for one that is quantized for good.
    public var readAs: DType?

    /// Layers with the same scheme.
    public struct Group: Sendable, Equatable {
      /// The scheme in words.
      public var scheme: String
      /// Layers.
      public var layerCount: Int
      /// Weights in all of the layers.
      public var weightCount: Int
      /// Stored bytes: codes, scales and zero points.
      public var byteCount: Int

      /// Stored bits per weight, scales and zero points included.
      public var bitsPerWeight: Double {
        Double(bitsOf: byteCount, for: weightCount)
      }
    }

    /// Stored bits per weight of all quantized layers, scales and zero points included.
    public var bitsPerWeight: Double {
      let weightCount = groups.reduce(0) { $0 + $1.weightCount }
      let byteCount = groups.reduce(0) { $0 + $1.byteCount }
      return Double(bitsOf: byteCount, for: weightCount)
    }
  }

  /// What a tokenizer has.
  public struct TokenizerSummary: Sendable, Equatable {
    /// Tokens, added ones included.
    public var vocabularySize: Int
    /// What is unusual about it.
    public var remarks: [String]
  }

  /// The summary as a JSON object, the one that `autoround inspect --json` prints.
  public var json: JSONValue {
    var json: JSONValue = [
      "folder": .string(folder), "architecture": .string(architecture),
      "supported": .bool(structure != nil), "parameters": JSONValue(parameterCount),
      "tensors": JSONValue(tensorCount), "bytes": JSONValue(byteCount),
      "bytes_by_type": .object(
        bytesByType.map { .init($0.dtype.rawValue, JSONValue($0.byteCount)) }),
    ]
    if let structure {
      json.set("blocks", JSONValue(structure.blockCount))
      json.set("hidden_size", JSONValue(structure.hiddenSize))
      json.set("vocabulary_size", JSONValue(structure.vocabularySize))
      json.set("maximum_positions", JSONValue(structure.positionLimit))
      json.set("tied_head", .bool(structure.hasTiedHead))
    }
    if let file { json.set("file", file.json) }
    json.set("quantization", quantization?.json ?? .null)
    json.set(
      "tokenizer", tokenizer.map { ["vocabulary_size": JSONValue($0.vocabularySize)] } ?? .null)
    return json
  }
}

extension CheckpointSummary.Quantization {
  fileprivate var json: JSONValue {
    [
      "method": .string(method), "bits_per_weight": JSONValue(bitsPerWeight),
      "groups": .array(
        groups.map {
          [
            "scheme": .string($0.scheme), "layers": JSONValue($0.layerCount),
            "weights": JSONValue($0.weightCount), "bytes": JSONValue($0.byteCount),
            "bits_per_weight": JSONValue($0.bitsPerWeight),
          ]
        }),
      "ignore": .array(ignored.map(JSONValue.string)),
      "keys_and_values": keysAndValues.map(JSONValue.string) ?? .null,
      "read_as": readAs.map { .string($0.rawValue) } ?? .null,
    ]
  }
}
