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
  /// The text of a conversation, as its template makes it; or with what comes before an answer.
  let render: (Conversation, _ addsPrompt: Bool) throws -> String
  /// Ids of such a text, which has its special tokens.
  let encodeRendered: (String) throws -> [Int]
  /// The token that ends a text.
  let endOfText: Int?

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
    render = { conversation, addsPrompt in
      if template == .none { return Self.plainText(conversation, addsPrompt) }
      do {
        var file: URL?
        if case .file(let given) = template { file = given }
        let format =
          try known
          ?? chatFormat(file, ", or join the messages' texts with \(OptionName.noChatTemplate)")
        known = format
        return try format.text(of: conversation, addsPrompt: addsPrompt, clock: .fixed)
      } catch let error as InputError {
        // Its place is one in the template, not in the record.
        throw InputError(error.code, "the conversation cannot be made text: \(error.description)")
      }
    }
    encodeRendered = { try tokenizer.encode($0, addingSpecialTokens: template == .none) }
    endOfText = tokenizer.endOfText
  }

  private static func plainText(_ conversation: Conversation, _ addsPrompt: Bool) -> String {
    let text = conversation.plainText
    return addsPrompt && !text.isEmpty ? text + "\n\n" : text
  }

  package init(
    encode: @escaping (String) throws -> [Int], decode: @escaping ([Int]) throws -> String,
    endOfText: Int? = nil
  ) {
    self.encode = encode
    self.decode = decode
    render = Self.plainText
    encodeRendered = encode
    self.endOfText = endOfText
  }
}
