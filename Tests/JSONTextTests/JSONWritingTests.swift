import JSONText
import Testing

@Suite struct JSONWritingTests {
  static let document = #"""
    {
      "b": [
        1.50,
        1e-05,
        123456789012345678901234567890
      ],
      "a": {
        "empty": {},
        "none": []
      },
      "text": "\"\\\b\t\n\f\r\u001f/é😀"
    }
    """#

  @Test func writesBackWhatItRead() throws {
    let value = try JSONValue.parse(Self.document)
    #expect(value.text(indentation: 2) == Self.document)
    #expect(try JSONValue.parse(value.text()) == value)
    #expect(try JSONValue.parse(value.text(indentation: 0)) == value)
    #expect(
      value["a"]?.text() == #"{"empty":{},"none":[]}"#)
  }

  @Test func buildsValues() throws {
    var value: JSONValue = ["x": 1, "y": 0.5, "z": [true, nil, "s"]]
    value.set("y", .init(Double.infinity))
    value.set("new", .init(-7))
    #expect(value.text() == #"{"x":1,"y":null,"z":[true,null,"s"],"new":-7}"#)
    #expect(
      value.removing("x").removing("absent").text() == #"{"y":null,"z":[true,null,"s"],"new":-7}"#)
  }

  @Test(
    arguments: [0.1, 1e-5, .leastNonzeroMagnitude, 1.7976931348623157e308, -0.0, 1e22, 3, 1e16]
      as [Double])
  func writesDoublesThatReadBack(value: Double) throws {
    let copy = try #require(try JSONValue.parse(JSONValue(value).text()).doubleValue)
    #expect(copy.bitPattern == value.bitPattern)
  }
}
