public import Tokenization

/// The two directions between text and token ids that calibration needs of a tokenizer.
public struct TextCoding {
  /// Ids of a text, with the special tokens that belong around it.
  package let encode: (String) throws -> [Int]
  /// Text of ids, special tokens included.
  package let decode: ([Int]) throws -> String

  /// The coding of a model's tokenizer.
  public init(_ tokenizer: Tokenizer) {
    encode = { try tokenizer.encode($0, addingSpecialTokens: true) }
    decode = { tokenizer.decode($0, skippingSpecialTokens: false) }
  }

  package init(
    encode: @escaping (String) throws -> [Int], decode: @escaping ([Int]) throws -> String
  ) {
    self.encode = encode
    self.decode = decode
  }
}
