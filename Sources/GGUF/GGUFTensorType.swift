package import Tensors
package import WeightBlocks

/// What the elements of a tensor are stored as; the raw values are those of files.
///
/// Of the types that llama.cpp has (`GGMLQuantizationType` of the gguf package 0.19) these are the numbers, the blocks with a scale each, and the k-quants.
/// Others are known by name only: ``name(ofType:)``.
package enum GGUFTensorType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q40 = 2
  case q41 = 3
  case q50 = 6
  case q51 = 7
  case q80 = 8
  case q2K = 10
  case q3K = 11
  case q4K = 12
  case q5K = 13
  case q6K = 14
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case bf16 = 30

  /// How a type stores elements.
  package enum Storage: Sendable, Equatable {
    /// One by one.
    case plain(DType)
    case blocks(BlockType)
  }

  /// The table of types: how elements are stored, and bytes of a block.
  private var layout: (storage: Storage, byteCount: Int) {
    switch self {
    case .f32: (.plain(.float32), 4)
    case .f16: (.plain(.float16), 2)
    case .bf16: (.plain(.bfloat16), 2)
    case .f64: (.plain(.float64), 8)
    case .i8: (.plain(.int8), 1)
    case .i16: (.plain(.int16), 2)
    case .i32: (.plain(.int32), 4)
    case .i64: (.plain(.int64), 8)
    case .q40: (.blocks(.scaleBlocks(.q40)), 18)
    case .q41: (.blocks(.scaleBlocks(.q41)), 20)
    case .q50: (.blocks(.scaleBlocks(.q50)), 22)
    case .q51: (.blocks(.scaleBlocks(.q51)), 24)
    case .q80: (.blocks(.scaleBlocks(.q80)), 34)
    case .q2K: (.blocks(.superBlocks(.q2K)), 84)
    case .q3K: (.blocks(.superBlocks(.q3K)), 110)
    case .q4K: (.blocks(.superBlocks(.q4K)), 144)
    case .q5K: (.blocks(.superBlocks(.q5K)), 176)
    case .q6K: (.blocks(.superBlocks(.q6K)), 210)
    }
  }

  package var storage: Storage { layout.storage }

  /// Bytes of a block.
  package var blockByteCount: Int { layout.byteCount }

  /// Neighbours in a row that are stored together.
  package var blockSize: Int {
    switch storage {
    case .plain: 1
    case .blocks(let type): type.size
    }
  }

  /// Whether elements are stored one by one.
  package var isPlain: Bool { blockSize == 1 }

  /// The name in messages and options: `q4_0`, `bf16`.
  package var name: String {
    switch storage {
    case .plain(let dtype): dtype.rawValue
    case .blocks(let type): type.name
    }
  }

  package init(_ type: ScaleBlockType) {
    switch type {
    case .q40: self = .q40
    case .q41: self = .q41
    case .q50: self = .q50
    case .q51: self = .q51
    case .q80: self = .q80
    }
  }

  package init(_ type: KQuantType) {
    switch type {
    case .q2K: self = .q2K
    case .q3K: self = .q3K
    case .q4K: self = .q4K
    case .q5K: self = .q5K
    case .q6K: self = .q6K
    }
  }

  /// The type whose elements are stored one by one as these are; nil for numbers that GGUF does not have.
  package init?(_ dtype: DType) {
    guard let type = Self.allCases.first(where: { $0.storage == .plain(dtype) }) else { return nil }
    self = type
  }

  /// What a type that is not read here is called; nil for one that nobody knows.
  package static func name(ofType number: UInt32) -> String? {
    let names: [UInt32: String] = [
      9: "q8_1", 15: "q8_k", 16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: "iq4_nl",
      21: "iq3_s", 22: "iq2_s", 23: "iq4_xs", 29: "iq1_m", 34: "tq1_0", 35: "tq2_0", 39: "mxfp4",
      40: "nvfp4",
    ]
    return Self(rawValue: number)?.name ?? names[number]
  }
}
