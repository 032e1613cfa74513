public import ChatTemplates
import Diagnostics
public import Foundation
public import Tokenization

/// The directions between text, conversations and token ids that calibration needs of a model.
public struct TextCoding {
  /// Ids of a text, with the special tokens that belong around it.
  package let encode: (String) throws -> [Int]
  /// Text of ids, special tokens included.
  package let decode: ([Int]) throws -> String
  /// Ids of a conversation, with the special tokens that the template gives it.
  package let encodeConversation: (Conversation) throws -> [Int]

  /// The coding of a model's tokenizer, and of its chat template if its folder is given.
  ///
  /// Templates that ask for the date get one that is always the same, so that the same records give the same samples
  /// on any day.
  public init(
    _ tokenizer: Tokenizer, model folder: URL? = nil, template: ChatTemplateChoice = .model
  ) {
    self.init(tokenizer, template: template) { file, advice in
      guard let folder else {
        throw InputError(.missing, "conversations take a model's chat template; none is given")
      }
      return try ChatFormat(folder: folder, file: file, advice: advice)
    }
  }

  /// The coding of a model whose chat format is known.
  ///
  /// - Parameter chatFormat: The format, with the template of a file where one is given; and what else can be done, for
  ///   the error of a model without a template.
  package init(
    _ tokenizer: Tokenizer, template: ChatTemplateChoice,
    chatFormat: @escaping (_ file: URL?, _ advice: String) throws -> ChatFormat
  ) {
    encode = { try tokenizer.encode($0, addingSpecialTokens: true) }
    decode = { tokenizer.decode($0, skippingSpecialTokens: false) }
    // Read when the first conversation comes, since a model whose template is broken can be calibrated on text.
    var known: ChatFormat?
    encodeConversation = { conversation in
      if template == .none {
        return try tokenizer.encode(conversation.plainText, addingSpecialTokens: true)
      }
      do {
        var file: URL?
        if case .file(let given) = template { file = given }
        let format =
          try known
          ?? chatFormat(file, ", or join the messages' texts with \(OptionName.noChatTemplate)")
        known = format
        let text = try format.text(of: conversation, addsPrompt: false, clock: .fixed)
        return try tokenizer.encode(text, addingSpecialTokens: false)
      } catch let error as InputError {
        // Its place is one in the template, not in the record.
        throw InputError(error.code, "the conversation cannot be made text: \(error.description)")
      }
    }
  }

  package init(
    encode: @escaping (String) throws -> [Int], decode: @escaping ([Int]) throws -> String
  ) {
    self.encode = encode
    self.decode = decode
    encodeConversation = { try encode($0.plainText) }
  }
}
